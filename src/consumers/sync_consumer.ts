import type {
  AnyConsumer,
  CheckedConsumer,
  ConsumerApplication,
  ReservesNames,
} from "../protocol/internal.ts";
import type {
  AnyMessage,
  ChannelScope,
  DeclaredChannels,
  LocalChannel,
  Message,
  Scope,
} from "../protocol/mod.ts";
import { defineBase, type Handler, handlerFor } from "./handlers.ts";
import { isPromise, validate } from "./schemas.ts";
import { threadedApplication } from "./sync/application.ts";
import { type SyncChannelLayer, syncChannelLayer } from "./sync/channel_layer.ts";
import { contextOf, markSyncConsumer } from "./sync/context.ts";
import { readSettings, type ThreadOptions } from "./sync/pool.ts";

/**
 * A class whose handlers are plain functions that may be CPU-bound: they run on a pool of threads,
 * so that the event loop stays free.
 *
 * The `type` of an event selects the handler, as in an `AsyncConsumer`. Each thread loads the module
 * and creates the instances there, so the module must export the class. An instance stays on one
 * thread for its scope. If the thread exits, the event that it handles fails, and the next event gets
 * a new instance on a new thread.
 *
 * Schemas validate events as in an `AsyncConsumer`, on the thread.
 *
 * @typeParam S The scope that the application takes.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter, SyncConsumer } from "@asgi/channels";
 *
 * // Must be exported: the threads import it from this module.
 * export class PrimeConsumer extends SyncConsumer {
 *   static override module = import.meta.url;
 *   static override threads = { timeLimit: 10_000 };
 *
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
 *   channel: ChannelNameRouter({ primes: PrimeConsumer.asAsgi() }),
 * });
 * ```
 */
export abstract class SyncConsumer<S extends Scope = ChannelScope> {
  /** The alias of the layer that this class uses, as in `getChannelLayer()`. */
  static readonly channelLayerAlias: string = "default";

  /**
   * The URL of the module that exports the class. Each class, or a base class in the same module, must
   * have the line `static override module = import.meta.url`.
   */
  static readonly module: string = "";

  /**
   * How the handlers run. A setting with `permissions` needs its type, so that the compiler accepts
   * `"none"`:
   *
   * ```ts
   * import { SyncConsumer, type ThreadOptions } from "@asgi/channels";
   *
   * export class UntrustedConsumer extends SyncConsumer {
   *   static override module = import.meta.url;
   *   static override threads: ThreadOptions = { permissions: "none", timeLimit: 1_000 };
   * }
   * ```
   *
   * @default {{}}
   */
  static readonly threads: ThreadOptions = {};

  static {
    defineBase(this);
    markSyncConsumer(this.prototype);
  }

  /**
   * Creates the application that runs this consumer on threads.
   *
   * @param args The arguments of the constructor, which is called once for each scope. They are copied
   * to the thread.
   * @returns The application. It rejects with a `ConsumerConfigurationError` if the module cannot be
   * loaded or does not export the class; a worker reports this before it listens.
   * @throws {TypeError} If `module` is missing, or a setting is invalid.
   * @throws {RangeError} If a number in `threads` is invalid.
   */
  static asAsgi<T, C extends AnyConsumer, Args extends readonly unknown[]>(
    this:
      & T
      & (new (...args: Args) => C)
      & Pick<typeof SyncConsumer, "channelLayerAlias" | "module" | "threads">
      & CheckedConsumer<T, C, "sync">,
    ...args: Args
  ): ConsumerApplication<T, C> {
    const { name, channelLayerAlias } = this;
    return threadedApplication({ name, channelLayerAlias, args, ...readSettings(this) });
  }

  /** The scope that the server has started this consumer for. */
  get scope(): S {
    return contextOf(this).scope as S;
  }

  /** The layer to send to other channels; its methods block until the main thread has completed them. */
  get channelLayer(): SyncChannelLayer<DeclaredChannels, DeclaredChannels> {
    return syncChannelLayer(contextOf(this)) as SyncChannelLayer<
      DeclaredChannels,
      DeclaredChannels
    >;
  }

  /**
   * The name of this consumer's own channel, for replies and groups. The channel is created on first
   * use; its messages are handled like any other event.
   */
  get channelName(): LocalChannel {
    return contextOf(this).call("channelName") as LocalChannel;
  }

  /**
   * Sends a message to the other end of the connection. A worker has no connection: use
   * {@linkcode SyncConsumer.channelLayer} there.
   *
   * @param message The message.
   */
  send(message: AnyMessage): void {
    contextOf(this).call("send", message);
  }

  /**
   * Calls the handler of an event.
   *
   * @param event The event.
   * @returns A promise only if the schema of the handler is asynchronous.
   * @throws {NoHandlerError} If there is no handler for its type.
   * @throws {InvalidEventError} If the schema of the handler rejects it.
   * @throws {TypeError} If the handler returns a promise.
   */
  dispatch(event: Message): void | PromiseLike<void> {
    const { method, schema } = handlerFor(this, event);
    if (!schema) return this.#call(method, event, event);
    const output = validate(schema, event, this.constructor.name);
    if (!isPromise(output)) return this.#call(method, output, event);
    return output.then((value) => this.#call(method, value, event));
  }

  #call(method: Handler["method"], value: unknown, event: Message): void {
    const result = method.call(this, value);
    if (!(result instanceof Promise)) return;
    // The error below is reported instead.
    result.catch(() => {});
    throw new TypeError(
      `${this.constructor.name} returned a promise for an event of type ` +
        `${JSON.stringify(event.type)}; use an AsyncConsumer for asynchronous handlers`,
    );
  }
}

/** The compiler leaves these names out of the handlers; see {@linkcode ReservesNames}. */
export interface SyncConsumer<S extends Scope = ChannelScope>
  extends ReservesNames<"channelLayer" | "channelName" | "dispatch" | "scope" | "send"> {}
