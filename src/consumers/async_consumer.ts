import type { AnyMessage, ChannelScope, Scope, Send } from "../protocol/mod.ts";
import { BaseConsumer, defineConsumer } from "./base_consumer.ts";

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
export abstract class AsyncConsumer<S extends Scope = ChannelScope> extends BaseConsumer<S> {
  static {
    defineConsumer<AsyncConsumer<Scope>>(this, async (consumer, { send, handleEvents }) => {
      consumer.#send = send;
      await handleEvents();
    });
  }

  #send: Send | undefined;

  /**
   * Sends a message to the other end of the connection. A worker has no connection: use
   * `this.channelLayer` there.
   *
   * @param message The message.
   */
  async send(message: AnyMessage): Promise<void> {
    if (!this.#send) {
      throw new TypeError("send() is only available while asAsgi() runs the consumer");
    }
    await this.#send(message);
  }
}

/** Adds a name to those that are not handlers. */
export interface AsyncConsumer<S extends Scope = ChannelScope> {
  /** The names; absent at run time. */
  readonly "~reserved"?: (name: keyof BaseConsumer<Scope> | "send") => void;
}
