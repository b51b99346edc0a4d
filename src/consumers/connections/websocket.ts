import type { ServerEventName } from "../../protocol/internal.ts";
import type {
  HeaderPairs,
  Incoming,
  Outgoing,
  Scope,
  WebSocketDisconnectEvent,
  WebSocketScope,
} from "../../protocol/mod.ts";
import { BaseConsumer, type ConsumerRun, defineConsumer } from "../base_consumer.ts";
import { ServerStoppedError } from "../../errors/mod.ts";
import { StopConsumer } from "../stop_consumer.ts";
import { begun, Connection, ignorable, SERVER_EVENTS } from "./connection.ts";
import { bytesOf, headerPairs, headersFor, type ResponseHeaders } from "./response.ts";

/** Options for {@linkcode AsyncWebsocketConsumer.accept}. */
export interface AcceptOptions {
  /** The subprotocol, one of `scope.subprotocols`; none by default. */
  readonly subprotocol?: string;
  /** Additional header fields of the response; none by default. */
  readonly headers?: ResponseHeaders;
}

/** The close codes that {@linkcode AsyncWebsocketConsumer.disconnect} gets without a close frame. */
const CODES = { stopped: 1000, error: 1011, restart: 1012 };

/**
 * A class whose methods handle a WebSocket, and the events that other programs send to its groups and
 * to its own channel. They are called one at a time.
 *
 * Override `connect()`, `receive()` and `disconnect()`; every other method that your class declares
 * handles the events of the layer whose `type` is its name, as in an `AsyncConsumer`. Such an event
 * never calls `connect()` or one of the other methods of this class. An event without a handler, or one
 * that a schema rejects, is reported to the layer's `onDrop`, and the connection stays open. An error
 * of a handler closes it.
 *
 * Groups are joined before `connect()` is called, and left when the connection has ended. While the
 * client reads too slowly, events of the layer wait.
 *
 * @example Usage
 * ```ts
 * import { AsyncWebsocketConsumer, ProtocolTypeRouter, URLRouter } from "@asgi/channels";
 *
 * export class ChatConsumer extends AsyncWebsocketConsumer {
 *   override get groups() {
 *     const { room } = this.scope.params;
 *     return [`room.${room}`];
 *   }
 *
 *   override async receive(text: string) {
 *     for (const group of this.groups) {
 *       await this.channelLayer.groupSend(group, { type: "chat.message", text });
 *     }
 *   }
 *
 *   async chat_message(event: { type: "chat.message"; text: string }) {
 *     await this.send(event.text);
 *   }
 * }
 *
 * export const application = ProtocolTypeRouter({
 *   websocket: URLRouter({ "/ws/rooms/:room": ChatConsumer.asAsgi() }),
 * });
 * ```
 */
export abstract class AsyncWebsocketConsumer extends BaseConsumer<WebSocketScope> {
  /** The groups that every connection joins; none by default. */
  static readonly groups: readonly string[] = [];

  static {
    defineConsumer<AsyncWebsocketConsumer>(
      this,
      (consumer, run) => consumer.#run(run),
      SERVER_EVENTS,
    );
  }

  #connection: Connection<Outgoing<WebSocketScope>> | undefined;
  #end: Pick<WebSocketDisconnectEvent, "code" | "reason"> | undefined;

  /** The groups that this connection joins: those of the class by default. */
  get groups(): readonly string[] {
    return (this.constructor as typeof AsyncWebsocketConsumer).groups;
  }

  /** Called when a client wants to connect; accepts it by default. */
  connect(): void | Promise<void> {
    return this.accept();
  }

  /**
   * Called for each message of the client; ignores it by default.
   *
   * @param _data The message: text, or bytes.
   */
  receive(_data: string | Uint8Array): void | Promise<void> {}

  /**
   * Called once when the connection has ended, however it did, if `connect()` has been called.
   *
   * @param _code The close code: 1005 if the client sent none, 1006 if the connection was lost, 1011 if
   * a handler has thrown.
   * @param _reason The reason that the client gave; `""` without one.
   */
  disconnect(_code: number, _reason: string): void | Promise<void> {}

  /**
   * Accepts the connection.
   *
   * @param options The subprotocol and additional header fields.
   */
  accept(options: AcceptOptions = {}): Promise<void> {
    const { subprotocol = null, headers } = options;
    return this.#open.send({
      type: "websocket.accept",
      subprotocol,
      headers: headerPairs(headers),
    });
  }

  /**
   * Sends a message to the client, and waits while too much is buffered.
   *
   * @param data The message: text, or bytes.
   * @throws {ConnectionClosedError} If the connection has ended.
   */
  send(data: string | Uint8Array): Promise<void> {
    const content = typeof data === "string" ? { text: data } : { bytes: data };
    return this.#open.send({ type: "websocket.send", ...content });
  }

  /**
   * Closes the connection. Before it is accepted, the client gets an HTTP response with status 403.
   *
   * @param code The close code: 1000, or from 3000 to 4999, or another one of the specification.
   * @param reason The reason, at most 123 bytes in UTF-8.
   */
  close(code = 1000, reason = ""): Promise<void> {
    return this.#open.send({ type: "websocket.close", code, reason });
  }

  /**
   * Rejects the connection with an HTTP response, before it is accepted. Servers without the extension
   * `websocket.http.response` respond with status 403 instead.
   *
   * @param status The status, such as 401.
   * @param body The body; text is `text/plain` by default.
   * @param headers The header fields.
   */
  reject(
    status: number,
    body: string | Uint8Array = "",
    headers?: ResponseHeaders,
  ): Promise<void> {
    return ignorable(this.#reject(status, body, headersFor(body, headers)));
  }

  async #reject(status: number, body: string | Uint8Array, headers: HeaderPairs): Promise<void> {
    if (!this.scope.extensions?.["websocket.http.response"]) return await this.close();
    await this.#open.send({ type: "websocket.http.response.start", status, headers });
    await this.#open.send({ type: "websocket.http.response.body", body: bytesOf(body) });
  }

  get #open(): Connection<Outgoing<WebSocketScope>> {
    return begun(this.#connection);
  }

  async #run(run: ConsumerRun): Promise<void> {
    this.#connection = new Connection({
      consumer: this,
      run,
      handle: (event) => this.#handle(event as Incoming<WebSocketScope>),
      disconnect: (error) => this.#disconnect(error),
    });
    await this.#connection.run();
  }

  async #handle(event: Incoming<WebSocketScope>): Promise<void> {
    if (event.type === "websocket.connect") await this.#open.begin(() => this.connect());
    if (event.type === "websocket.receive") await this.receive(event.text ?? event.bytes);
    if (event.type !== "websocket.disconnect") return;
    this.#end = event;
    throw new StopConsumer();
  }

  #disconnect(error: unknown): void | Promise<void> {
    if (this.#end) return this.disconnect(this.#end.code, this.#end.reason);
    if (error === undefined) return this.disconnect(CODES.stopped, "");
    return this.disconnect(error instanceof ServerStoppedError ? CODES.restart : CODES.error, "");
  }
}

/** Adds names to those that are not handlers. */
export interface AsyncWebsocketConsumer {
  /** The names; absent at run time. */
  readonly "~reserved"?: (
    name:
      | keyof BaseConsumer<Scope>
      | ServerEventName
      | "accept"
      | "close"
      | "connect"
      | "disconnect"
      | "groups"
      | "receive"
      | "reject"
      | "send",
  ) => void;
}
