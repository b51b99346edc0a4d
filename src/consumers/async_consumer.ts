import { type ChannelLayer, getChannelLayer } from "../layers/mod.ts";
import type { Application, ChannelScope, Message, Receive, Scope, Send } from "../protocol/mod.ts";
import { handlerFor } from "./handlers.ts";
import { EventLoop } from "./event_loop.ts";

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
 * export class PrintConsumer extends AsyncConsumer {
 *   async test_print(event: { type: string; text: string }) {
 *     console.log("Test: " + event.text);
 *     await this.channelLayer.send("printed", { type: "done", text: event.text });
 *   }
 * }
 *
 * // `runworker` runs it.
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
 * });
 * ```
 */
export abstract class AsyncConsumer<S extends Scope = ChannelScope> {
  /** The alias of the layer that this class uses, as {@linkcode getChannelLayer} knows it. */
  static readonly channelLayerAlias: string = "default";

  #scope: S | undefined;
  #send: Send | undefined;
  readonly #eventLoop = new EventLoop({
    dispatch: (event) => this.dispatch(event),
    layer: () => this.channelLayer,
  });

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
    return this.#eventLoop.channelName;
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
    // Not an async function: the handler's own promise is enough for each event.
    try {
      return Promise.resolve(handlerFor(this, AsyncConsumer, event).call(this, event) as void);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #run(scope: S, receive: Receive, send: Send): Promise<void> {
    this.#scope = scope;
    this.#send = send;
    await this.#eventLoop.run(receive);
  }
}
