import { type ChannelLayer, getChannelLayer } from "../layers/mod.ts";
import type { Application, ChannelScope, Message, Receive, Scope, Send } from "../protocol/mod.ts";
import { handlerFor } from "./handlers.ts";
import { EventLoop } from "./event_loop.ts";

/**
 * A class whose methods handle events by type, on the event loop, one at a time for each instance.
 *
 * The `type` of an event selects the method, with each `.` read as `_`. Events can call every method
 * that your class declares, except those whose name starts with `_` or `#`.
 *
 * @typeParam S The scope that the application takes.
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
  /** The alias of the layer that this class uses, as in {@linkcode getChannelLayer}. */
  static readonly channelLayerAlias: string = "default";

  #scope: S | undefined;
  #send: Send | undefined;
  readonly #eventLoop = new EventLoop({
    dispatch: (event) => this.dispatch(event),
    layer: () => this.channelLayer,
  });

  /**
   * Creates the application that runs this consumer.
   *
   * @param args The arguments of the constructor, which is called once for each scope.
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

  /** The scope that the server has started this consumer for. */
  get scope(): S {
    if (!this.#scope) {
      throw new TypeError("scope is only available while asAsgi() runs the consumer");
    }
    return this.#scope;
  }

  /** The layer to send to other channels. */
  get channelLayer(): ChannelLayer {
    const { channelLayerAlias } = this.constructor as typeof AsyncConsumer;
    return getChannelLayer(channelLayerAlias);
  }

  /**
   * The name of this consumer's own channel, for replies and groups. The channel is created on first
   * use; its messages are handled like any other event.
   */
  get channelName(): string {
    return this.#eventLoop.channelName;
  }

  /**
   * Sends a message to the other end of the connection. A worker has no connection: use
   * {@linkcode AsyncConsumer.channelLayer} there.
   *
   * @param message The message.
   */
  async send(message: Message): Promise<void> {
    if (!this.#send) {
      throw new TypeError("send() is only available while asAsgi() runs the consumer");
    }
    await this.#send(message);
  }

  /**
   * Calls the handler of an event.
   *
   * @param event The event.
   * @throws {NoHandlerError} If there is no handler for its type.
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
