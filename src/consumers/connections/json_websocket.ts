import type { ServerEventName } from "../../protocol/internal.ts";
import { defineBase } from "../handlers.ts";
import { ignorable, SERVER_EVENTS } from "./connection.ts";
import { AsyncWebsocketConsumer } from "./websocket.ts";

/**
 * An {@linkcode AsyncWebsocketConsumer} whose messages are JSON, in both directions.
 *
 * @typeParam In What clients send. It is not validated.
 * @typeParam Out What the consumer sends.
 *
 * @example Usage
 * ```ts
 * import { AsyncJsonWebsocketConsumer } from "@asgi/channels";
 *
 * export class SumConsumer extends AsyncJsonWebsocketConsumer<number[], { sum: number }> {
 *   override async receiveJson(content: number[]) {
 *     await this.sendJson({ sum: content.reduce((sum, one) => sum + one, 0) });
 *   }
 * }
 * ```
 */
export abstract class AsyncJsonWebsocketConsumer<In = unknown, Out = unknown>
  extends AsyncWebsocketConsumer {
  static {
    defineBase(this, SERVER_EVENTS);
  }

  /**
   * Called for each message of the client; ignores it by default.
   *
   * @param _content The value that the client has sent.
   */
  receiveJson(_content: In): void | Promise<void> {}

  /**
   * Sends a value to the client.
   *
   * @param content The value.
   * @throws {TypeError} If JSON cannot represent the value.
   * @throws {ConnectionClosedError} If the connection has ended.
   */
  sendJson(content: Out): Promise<void> {
    return ignorable(this.#sendJson(content));
  }

  async #sendJson(content: Out): Promise<void> {
    const text: string | undefined = JSON.stringify(content);
    if (text === undefined) throw new TypeError(`Cannot send ${typeof content} as JSON`);
    await this.send(text);
  }

  /** Decodes a message. Invalid JSON closes the connection with 1007, a binary message with 1003. */
  override async receive(data: string | Uint8Array): Promise<void> {
    if (typeof data !== "string") return await this.close(1003, "Messages must be text");
    let content: In;
    try {
      content = JSON.parse(data);
    } catch {
      return await this.close(1007, "Messages must be JSON");
    }
    await this.receiveJson(content);
  }
}

/** Adds names to those that are not handlers. */
export interface AsyncJsonWebsocketConsumer<In = unknown, Out = unknown> {
  /** The names; absent at run time. */
  readonly "~reserved"?: (
    name: ServerEventName | keyof AsyncWebsocketConsumer | "receiveJson" | "sendJson",
  ) => void;
}
