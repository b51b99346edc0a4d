import type { Application, ChannelScope, Message, Scope } from "../protocol/mod.ts";
import { handlerFor } from "./handlers.ts";
import { contextOf, markSyncConsumer } from "./sync/context.ts";
import { type SyncChannelLayer, syncChannelLayer } from "./sync/channel_layer.ts";
import { threadedApplication } from "./sync/application.ts";
import { readThreadOptions, type ThreadOptions } from "./sync/pool.ts";

/** What {@linkcode SyncConsumer.asAsgi} takes: where the class is, how it runs, and its arguments. */
export type SyncConsumerOptions<Args extends readonly unknown[] = readonly []> =
  & ThreadOptions
  & ([] extends Args ? {
      /** What the constructor takes: one instance is made for each scope. It must be cloneable. */
      readonly args?: Args;
    }
    : {
      /** What the constructor takes: one instance is made for each scope. It must be cloneable. */
      readonly args: Args;
    });

/**
 * A class whose methods are plain functions that may burn CPU: they run on a pool of threads, so
 * that the event loop stays free.
 *
 * Events find their methods as with `AsyncConsumer`. A thread loads the module anew and makes the
 * instances there: the class must be exported. An instance stays on one thread for its scope. When
 * that thread dies, the event in hand fails, and the next one gets a fresh instance on a new thread.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter, SyncConsumer } from "@asgi/channels";
 *
 * // Must be exported by the module that is named below.
 * export class PrimeConsumer extends SyncConsumer {
 *   count(event: { type: string; below: number; replyTo: string }) {
 *     let primes = 0;
 *     for (let number = 2; number < event.below; number++) {
 *       let factor = 2;
 *       while (number % factor !== 0) factor++;
 *       if (factor === number) primes++;
 *     }
 *     this.channelLayer.send(event.replyTo, { type: "counted", primes });
 *   }
 * }
 *
 * // `runworker` runs it.
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({
 *     primes: PrimeConsumer.asAsgi({ module: import.meta.url, timeLimit: 10_000 }),
 *   }),
 * });
 * ```
 */
export abstract class SyncConsumer<S extends Scope = ChannelScope> {
  /** The alias of the layer that this class uses, as `getChannelLayer()` knows it. */
  static readonly channelLayerAlias: string = "default";

  static {
    markSyncConsumer(this.prototype);
  }

  /**
   * Makes the application that runs this consumer on threads.
   *
   * @param options Where the class is, `{ module: import.meta.url }`, and how it is run.
   * @returns The application. It rejects with a `ConsumerConfigurationError` when the module can't be
   * loaded or doesn't export the class; a worker is told so before it listens.
   * @throws {TypeError} When `module` is no URL.
   * @throws {RangeError} When a number makes no sense.
   */
  static asAsgi<S extends Scope, Args extends readonly unknown[]>(
    this: { new (...args: Args): SyncConsumer<S>; readonly channelLayerAlias: string },
    options: SyncConsumerOptions<Args>,
  ): Application<S> {
    const { name, channelLayerAlias } = this;
    const { args = [] } = options;
    return threadedApplication({ name, channelLayerAlias, args, ...readThreadOptions(options) });
  }

  /** What the server told of this consumer's surroundings. */
  get scope(): S {
    return contextOf(this).scope as S;
  }

  /** The layer to send to other channels with; its methods wait until the main thread has done it. */
  get channelLayer(): SyncChannelLayer {
    return syncChannelLayer(contextOf(this));
  }

  /**
   * The name of this consumer's own channel, for answers and for groups. It is made, and listened
   * to, when it is first asked for; what comes there is handled like any other event.
   */
  get channelName(): string {
    return contextOf(this).call("channelName") as string;
  }

  /**
   * Sends a message to the other end of the connection. A worker has none: there, use
   * {@linkcode SyncConsumer.channelLayer}.
   *
   * @param message The message.
   */
  send(message: Message): void {
    contextOf(this).call("send", message);
  }

  /**
   * Hands an event to its handler.
   *
   * @param event The event.
   * @throws {NoHandlerError} When there is no handler for its type.
   * @throws {TypeError} When the handler returns a promise.
   */
  dispatch(event: Message): void {
    const result = handlerFor(this, SyncConsumer, event).call(this, event);
    if (!(result instanceof Promise)) return;
    // What it fails with is of no interest any more.
    result.catch(() => {});
    throw new TypeError(
      `${this.constructor.name} returned a promise for an event of type ` +
        `${JSON.stringify(event.type)}: what waits belongs in an AsyncConsumer`,
    );
  }
}
