import type { Scope } from "../../protocol/mod.ts";

/** What a consumer on a thread can use. */
export interface ConsumerContext {
  readonly scope: Scope;
  /** Calls a method in the main thread, and returns its outcome. */
  readonly call: (method: string, ...args: readonly unknown[]) => unknown;
}

const contexts = new WeakMap<object, ConsumerContext>();

/** Sets the context of a consumer. */
export function setContext(consumer: object, context: ConsumerContext): void {
  contexts.set(consumer, context);
}

/**
 * Returns the context of a consumer.
 *
 * @throws {TypeError} If its application does not run it on a thread.
 */
export function contextOf(consumer: object): ConsumerContext {
  const context = contexts.get(consumer);
  if (context) return context;
  throw new TypeError(
    "scope, channelLayer, channelName and send() of a SyncConsumer are only available " +
      "in its handlers, while asAsgi() runs it on a thread",
  );
}

/** Marks the base class of consumers that run on threads, also that of another copy of this package. */
const SYNC_CONSUMER = Symbol.for("asgi.channels.sync_consumer");

/** Marks a class as one whose subclasses run on threads. */
export function markSyncConsumer(prototype: object): void {
  Object.defineProperty(prototype, SYNC_CONSUMER, { value: true });
}

/** Returns whether a class is marked, or extends one that is. */
export function isSyncConsumer({ prototype }: { readonly prototype?: object }): boolean {
  return typeof prototype === "object" && SYNC_CONSUMER in prototype;
}
