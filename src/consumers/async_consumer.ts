import { type ChannelLayer, getChannelLayer } from "../layers/mod.ts";
import type {
  AnyConsumer,
  CheckedConsumer,
  ConsumerApplication,
  ReservesNames,
} from "../protocol/internal.ts";
import type {
  AnyApplication,
  AnyMessage,
  ChannelScope,
  DeclaredChannels,
  LocalChannel,
  Message,
  Receive,
  Scope,
  Send,
  StandardSchema,
} from "../protocol/mod.ts";
import { type Handler, handlerFor } from "./handlers.ts";
import { EventLoop } from "./event_loop.ts";
import { validate } from "./schemas.ts";

/**
 * A class whose methods handle events by type, on the event loop, one at a time for each instance.
 *
 * The `type` of an event selects the method, with each `.` read as `_`. Events can call every method
 * that your class declares, except those whose name starts with `_` or `#`.
 *
 * With `static schemas = { HANDLER: SCHEMA }`, events are validated before their handler is called, and
 * the handler receives the output. A schema is one of any library that implements
 * [Standard Schema](https://standardschema.dev). Invalid events are dropped.
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
   * The compiler reports handlers that could never work, such as one whose event has another `type`.
   *
   * @param args The arguments of the constructor, which is called once for each scope.
   * @returns The application. It carries the events of the handlers for `ChannelsOf`.
   */
  static asAsgi<T, C extends AnyConsumer, Args extends readonly unknown[]>(
    this: T & (new (...args: Args) => C) & CheckedConsumer<T, C>,
    ...args: Args
  ): ConsumerApplication<T, C> {
    const application: AnyApplication<C["scope"]> = async (scope, receive, send) => {
      const consumer: AnyConsumer = new this(...args);
      await (consumer as AsyncConsumer<C["scope"]>).#run(scope, receive, send);
    };
    return application as ConsumerApplication<T, C>;
  }

  /** The scope that the server has started this consumer for. */
  get scope(): S {
    if (!this.#scope) {
      throw new TypeError("scope is only available while asAsgi() runs the consumer");
    }
    return this.#scope;
  }

  /** The layer to send to other channels. */
  get channelLayer(): ChannelLayer<DeclaredChannels, DeclaredChannels> {
    const { channelLayerAlias } = this.constructor as typeof AsyncConsumer;
    return getChannelLayer(channelLayerAlias);
  }

  /**
   * The name of this consumer's own channel, for replies and groups. The channel is created on first
   * use; its messages are handled like any other event.
   */
  get channelName(): LocalChannel {
    return this.#eventLoop.channelName as LocalChannel;
  }

  /**
   * Sends a message to the other end of the connection. A worker has no connection: use
   * {@linkcode AsyncConsumer.channelLayer} there.
   *
   * @param message The message.
   */
  async send(message: AnyMessage): Promise<void> {
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
   * @throws {InvalidEventError} If the schema of the handler rejects it.
   */
  dispatch(event: Message): Promise<void> {
    // Not an async function: the handler's own promise is enough for each event.
    try {
      const { method, schema } = handlerFor(this, AsyncConsumer, event);
      if (schema) return this.#dispatchValid(method, schema, event);
      return Promise.resolve(method.call(this, event) as void);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #dispatchValid(
    method: Handler["method"],
    schema: StandardSchema,
    event: Message,
  ): Promise<void> {
    await method.call(this, await validate(schema, event, this.constructor.name));
  }

  async #run(scope: S, receive: Receive, send: Send): Promise<void> {
    this.#scope = scope;
    this.#send = send;
    await this.#eventLoop.run(receive);
  }
}

/** The compiler leaves these names out of the handlers; see {@linkcode ReservesNames}. */
export interface AsyncConsumer<S extends Scope = ChannelScope>
  extends ReservesNames<"channelLayer" | "channelName" | "dispatch" | "scope" | "send"> {}
