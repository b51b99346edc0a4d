import type { Scope } from "../protocol/mod.ts";

/** What a consumer on a thread has around it. */
export interface Surroundings {
  readonly scope: Scope;
  /** Has the main thread do something, and waits for what it gives. */
  readonly call: (method: string, ...args: readonly unknown[]) => unknown;
}

const known = new WeakMap<object, Surroundings>();

/** Tells a consumer of its surroundings. */
export function surround(consumer: object, surroundings: Surroundings): void {
  known.set(consumer, surroundings);
}

/** @throws {TypeError} When the consumer isn't run by its application. */
export function surroundingsOf(consumer: object): Surroundings {
  const surroundings = known.get(consumer);
  if (surroundings) return surroundings;
  throw new TypeError("A SyncConsumer has its surroundings once asAsgi() runs it, on a thread");
}
