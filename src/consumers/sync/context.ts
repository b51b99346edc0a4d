import type { Scope } from "../../protocol/mod.ts";

/** What a consumer on a thread has around it. */
export interface ConsumerContext {
  readonly scope: Scope;
  /** Has the main thread do something, and waits for what it gives. */
  readonly call: (method: string, ...args: readonly unknown[]) => unknown;
}

const known = new WeakMap<object, ConsumerContext>();

/** Tells a consumer of its surroundings. */
export function surround(consumer: object, surroundings: ConsumerContext): void {
  known.set(consumer, surroundings);
}

/** @throws {TypeError} When the consumer isn't run by its application. */
export function contextOf(consumer: object): ConsumerContext {
  const surroundings = known.get(consumer);
  if (surroundings) return surroundings;
  throw new TypeError("A SyncConsumer has its surroundings once asAsgi() runs it, on a thread");
}

/** Marks the base class of consumers that run on threads, also that of another copy of this package. */
const SYNC_CONSUMER = Symbol.for("asgi.channels.sync_consumer");

/** Marks a class as one whose subclasses run on threads. */
export function markSyncConsumer(prototype: object): void {
  Object.defineProperty(prototype, SYNC_CONSUMER, { value: true });
}

/** Whether a class is, or extends, one that was marked. */
export function isSyncConsumer({ prototype }: { readonly prototype?: object }): boolean {
  return typeof prototype === "object" && SYNC_CONSUMER in prototype;
}
