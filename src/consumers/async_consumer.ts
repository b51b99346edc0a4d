import { setTimeout as pause } from "node:timers/promises";
import { LayerUnavailableError, NoHandlerError, ServerStoppedError } from "../errors.ts";
import { type ChannelLayer, getChannelLayer } from "../layers/mod.ts";
import type { Application, ChannelScope, Message, Receive, Scope, Send } from "../protocol/mod.ts";
import { handlersOf, type HandlerTable, nameOf } from "./handlers.ts";
import { StopConsumer } from "./stop_consumer.ts";

/** How long to wait before listening again after the layer was lost, in milliseconds. */
const SHORTEST_WAIT = 100;
const LONGEST_WAIT = 5_000;

/**
 * A class whose methods handle events by their type, on the event loop, one at a time.
 *
 * An event's `type` names the method, with each `.` read as `_`. Every method that your class
 * declares can be reached by an event, but those whose name starts with `_` or `#`.
 *
 * @example Usage
 * ```ts
 * import { AsyncConsumer, ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels";
 *
 * class PrintConsumer extends AsyncConsumer {
 *   async test_print(event: { type: string; text: string }) {
 *     console.log("Test: " + event.text);
 *     await this.channelLayer.send("printed", { type: "done", text: event.text });
 *   }
 * }
 *
 * const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
 * });
 * // Exported as `application`, it is what `runworker` runs.
 * ```
 */
export abstract class AsyncConsumer<S extends Scope = ChannelScope> {
  /** The alias of the layer that this class uses, as {@linkcode getChannelLayer} knows it. */
  static readonly channelLayerAlias: string = "default";

  #scope: S | undefined;
  #send: Send | undefined;
  #channelName: string | undefined;
  #busy: Promise<void> | undefined;
  #queued = 0;
  #failed: { readonly error: unknown } | undefined;
  #failure = Promise.withResolvers<never>();
  #ended = new AbortController();
  #listening: Promise<void> | undefined;

  /**
   * Makes the application that runs this consumer.
   *
   * @param args What the constructor takes: one instance is made for each scope.
   * @returns The application.
   */
  static asAsgi<S extends Scope, Args extends readonly unknown[]>(
    this: new (...args: Args) => AsyncConsumer<S>,
    ...args: Args
  ): Application<S> {
    return async (scope, receive, send) => {
      const consumer = new this(...args);
      await consumer.#run(scope, receive, send);
    };
  }

  /** What the server told of this consumer's surroundings. */
  get scope(): S {
    if (!this.#scope) throw new TypeError("A consumer has its scope once asAsgi() runs it");
    return this.#scope;
  }

  /** The layer to send to other channels with. */
  get channelLayer(): ChannelLayer {
    const { channelLayerAlias } = this.constructor as typeof AsyncConsumer;
    return getChannelLayer(channelLayerAlias);
  }

  /**
   * The name of this consumer's own channel, for answers and for groups. It is made, and listened
   * to, when it is first asked for; what comes there is handled like any other event.
   */
  get channelName(): string {
    return this.#channelName ??= this.#openChannel();
  }

  /**
   * Sends a message to the other end of the connection. A worker has none: there, use
   * {@linkcode AsyncConsumer.channelLayer}.
   *
   * @param message The message.
   */
  async send(message: Message): Promise<void> {
    if (!this.#send) throw new TypeError("A consumer can send once asAsgi() runs it");
    await this.#send(message);
  }

  /**
   * Hands an event to its handler.
   *
   * @param event The event.
   * @throws {NoHandlerError} When there is no handler for its type.
   */
  dispatch(event: Message): Promise<void> {
    const handlers = tableOf(this);
    const handler = handlers.get(nameOf(event.type));
    // Not an async function: the handler's own promise is enough for each event.
    try {
      if (handler) return Promise.resolve(handler.call(this, event) as void);
    } catch (error) {
      return Promise.reject(error);
    }
    const { name } = this.constructor;
    return Promise.reject(new NoHandlerError(name, event.type, [...handlers.keys()]));
  }

  async #run(scope: S, receive: Receive, send: Send): Promise<void> {
    this.#scope = scope;
    this.#send = send;
    this.#failure.promise.catch(() => {});
    try {
      await Promise.race([this.#handleAll(receive), this.#failure.promise]);
    } catch (error) {
      this.#ended.abort();
      // What came over the own channel may still be handled: it may finish as well, or fail.
      await this.#listening;
      const reason = error instanceof ServerStoppedError ? this.#failed?.error ?? error : error;
      if (!(reason instanceof StopConsumer)) throw reason;
    }
  }

  async #handleAll(receive: Receive): Promise<never> {
    for (;;) {
      await this.#handle(await receive());
      if (this.#failed) throw this.#failed.error;
    }
  }

  async #listen(layer: ChannelLayer, name: string): Promise<void> {
    const { signal } = this.#ended;
    for (let event; (event = await receivePatiently(layer, name, signal));) {
      await this.#handle(event);
    }
  }

  /** Waits its turn; to see that nobody has it, and to take it, is one step. */
  async #handle(event: Message): Promise<void> {
    while (this.#busy) {
      this.#queued++;
      await this.#busy.catch(() => {});
      this.#queued--;
    }
    this.#busy = this.dispatch(event);
    try {
      await this.#busy;
    } finally {
      this.#busy = undefined;
    }
  }

  #openChannel(): string {
    const layer = this.channelLayer;
    const name = layer.newChannel();
    this.#listening = this.#listen(layer, name).catch((error) => {
      this.#failed = { error };
      // An event of the server's that is in hand, or waits its turn, isn't lost: then comes the end.
      if (!this.#busy && this.#queued === 0) this.#failure.reject(error);
    });
    return name;
  }
}

/** Receives from a layer that may be away for a while; gives nothing once it is aborted. */
async function receivePatiently(
  layer: ChannelLayer,
  name: string,
  signal: AbortSignal,
): Promise<Message | undefined> {
  for (let wait = SHORTEST_WAIT;; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await layer.receive(name, { signal });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LayerUnavailableError)) throw error;
    }
    await pause(wait, undefined, { signal }).catch(() => {});
  }
}

const tables = new WeakMap<object, HandlerTable>();

function tableOf(consumer: object): HandlerTable {
  const prototype = Object.getPrototypeOf(consumer);
  const known = tables.get(prototype);
  if (known) return known;
  const table = handlersOf(prototype, AsyncConsumer.prototype);
  tables.set(prototype, table);
  return table;
}
