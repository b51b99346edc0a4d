import type { AnyApplication, Message, WebSocketScope } from "../protocol/mod.ts";
import type { CommunicatorWaitOptions } from "./communicator.ts";
import {
  type ConnectionCommunicatorOptions,
  connectionScope,
  headersOf,
  ResponseCheck,
  TestConnection,
  type TestResponse,
  unexpected,
  wrongType,
} from "./connection.ts";

/** Options for {@linkcode WebsocketCommunicator}. */
export interface WebsocketCommunicatorOptions extends ConnectionCommunicatorOptions {
  /** The subprotocols that the client offers; none by default. */
  readonly subprotocols?: readonly string[];
}

/** The reply of an application to a client that wants to connect. */
export interface HandshakeResult {
  /** Whether the connection is accepted. */
  readonly accepted: boolean;
  /** The subprotocol; `undefined` without one. */
  readonly subprotocol?: string;
  /** The header fields of the reply. */
  readonly headers: Headers;
  /** The close code of an application that closes the connection instead of accepting it. */
  readonly code?: number;
  /** The response of an application that rejects the connection with one. */
  readonly response?: TestResponse;
}

/** How an application has closed a connection. */
export interface CloseResult {
  /** The close code. */
  readonly code: number;
  /** The reason; `""` without one. */
  readonly reason: string;
}

/**
 * Connects to a WebSocket application in a test, in place of a server and its client. As a server, it
 * rejects invalid messages, and those after the end of the connection.
 *
 * @example Usage
 * ```ts
 * import { AsyncWebsocketConsumer } from "@asgi/channels";
 * import { WebsocketCommunicator } from "@asgi/channels/testing";
 * import { assertEquals } from "@std/assert";
 *
 * class EchoConsumer extends AsyncWebsocketConsumer {
 *   override async receive(data: string | Uint8Array) {
 *     await this.send(data);
 *   }
 * }
 *
 * await using communicator = new WebsocketCommunicator(EchoConsumer.asAsgi(), "/ws/echo");
 * assertEquals((await communicator.connect()).accepted, true);
 * await communicator.sendTo("Hello");
 * assertEquals(await communicator.receiveFrom(), "Hello");
 * ```
 */
export class WebsocketCommunicator implements AsyncDisposable {
  readonly #connection: TestConnection<WebSocketScope>;
  readonly #scope: WebSocketScope;
  readonly #response = new ResponseCheck("websocket.http");
  #state: "connecting" | "open" | "closed" = "connecting";
  #closed: CloseResult = { code: 1006, reason: "" };

  /**
   * Creates a communicator. The application is started by {@linkcode WebsocketCommunicator.connect}.
   *
   * @param application The application to test.
   * @param path The path, percent-encoded; a query may follow after a `?`.
   * @param options The header fields and the subprotocols.
   * @throws {TypeError} If the path does not start with `/`.
   */
  constructor(
    application: AnyApplication<WebSocketScope>,
    path: string,
    options: WebsocketCommunicatorOptions = {},
  ) {
    const { subprotocols = [], extensions = { "websocket.http.response": {} } } = options;
    const common = connectionScope(path, "ws", { ...options, extensions });
    this.#scope = { ...common, type: "websocket", subprotocols };
    this.#connection = new TestConnection<WebSocketScope>({
      application,
      scope: this.#scope,
      check: (message) => this.#check(message),
      disconnectEvent: () => ({ type: "websocket.disconnect", ...this.#closed }),
    });
  }

  /**
   * Asks the application to connect, and waits for its reply.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the application does not reply in time.
   * @throws The error of the application.
   */
  async connect(options?: CommunicatorWaitOptions): Promise<HandshakeResult> {
    await this.#connection.input({ type: "websocket.connect" });
    const reply = await this.#connection.output(options);
    const headers = new Headers(reply.headers as [string, string][] | undefined);
    if (reply.type === "websocket.accept") {
      const { subprotocol } = reply;
      const accepted = { accepted: true, headers };
      return typeof subprotocol === "string" ? { ...accepted, subprotocol } : accepted;
    }
    if (reply.type === "websocket.close") {
      return { accepted: false, headers, code: Number(reply.code ?? 1000) };
    }
    let last = reply;
    while (last.type.endsWith(".start") || last.more_body) {
      last = await this.#connection.output(options);
    }
    return { accepted: false, headers, response: this.#response.response };
  }

  /**
   * Sends a message to the application.
   *
   * @param data The message: text, or bytes.
   * @throws {TypeError} If the connection is not open.
   */
  async sendTo(data: string | Uint8Array): Promise<void> {
    if (this.#state !== "open") throw new TypeError(`The connection is ${this.#state}`);
    const content = typeof data === "string" ? { text: data } : { bytes: data };
    await this.#connection.input({ type: "websocket.receive", ...content });
  }

  /**
   * Sends a value to the application, as JSON.
   *
   * @param content The value.
   * @throws {TypeError} If the connection is not open.
   */
  async sendJsonTo(content: unknown): Promise<void> {
    await this.sendTo(JSON.stringify(content));
  }

  /**
   * Returns the next message of the application, or waits for it.
   *
   * @param options How long to wait: 1000 ms by default.
   * @returns The message: text, or bytes.
   * @throws {TypeError} If the application closes the connection instead.
   * @throws {DOMException} Named `TimeoutError`, if there is no message in time.
   * @throws The error of the application.
   */
  async receiveFrom(options?: CommunicatorWaitOptions): Promise<string | Uint8Array> {
    const message = await this.#connection.output(options);
    if (message.type !== "websocket.send") {
      throw new TypeError(`Expected a message, got ${describe(message)}`);
    }
    return (message.text ?? message.bytes) as string | Uint8Array;
  }

  /**
   * Returns the next message of the application, which must be JSON, as a value.
   *
   * @typeParam T The type of the value, which is not checked.
   * @param options How long to wait: 1000 ms by default.
   * @throws {TypeError} If the message is binary, or the application closes the connection instead.
   * @throws {SyntaxError} If the message is not JSON.
   * @throws {DOMException} Named `TimeoutError`, if there is no message in time.
   * @throws The error of the application.
   */
  async receiveJsonFrom<T = unknown>(options?: CommunicatorWaitOptions): Promise<T> {
    const data = await this.receiveFrom(options);
    if (typeof data !== "string") throw new TypeError("Expected JSON, got a binary message");
    return JSON.parse(data);
  }

  /**
   * Waits until the application closes the connection.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {TypeError} If the application sends a message instead.
   * @throws {DOMException} Named `TimeoutError`, if it does not close the connection in time.
   * @throws The error of the application.
   */
  async receiveClose(options?: CommunicatorWaitOptions): Promise<CloseResult> {
    const message = await this.#connection.output(options);
    if (message.type !== "websocket.close") {
      throw new TypeError(`Expected the connection to close, got ${describe(message)}`);
    }
    return closeOf(message);
  }

  /**
   * Returns whether the application sends nothing for a while.
   *
   * @param options How long to wait: 100 ms by default.
   * @throws The error of the application.
   */
  async receiveNothing(options?: CommunicatorWaitOptions): Promise<boolean> {
    return await this.#connection.receiveNothing(options);
  }

  /**
   * Disconnects the client, and waits until the application returns.
   *
   * @param code The close code.
   * @param reason The reason.
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the application does not return in time.
   * @throws The error of the application.
   */
  async disconnect(code = 1000, reason = "", options?: CommunicatorWaitOptions): Promise<void> {
    if (this.#state !== "closed") this.#close({ code, reason });
    await this.wait(options);
  }

  /**
   * Waits until the application returns.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the application does not return in time.
   * @throws The error of the application.
   */
  async wait(options?: CommunicatorWaitOptions): Promise<void> {
    await this.#connection.wait(options);
  }

  /** Disconnects the client, and waits until the application has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.dispose();
  }

  /** Checks a message of the application, and changes the state of the connection. */
  #check(message: Message): void {
    if (message.type === "websocket.close") return this.#close(closeOf(message));
    if (this.#state === "open") return checkContent(message);
    if (message.type === "websocket.accept" && !this.#response.isStarted) {
      return this.#open(message);
    }
    if (!message.type.startsWith("websocket.http.")) throw unexpected(message, "websocket.accept");
    if (this.#response.add(message)) this.#close(this.#closed);
  }

  #open(message: Message): void {
    const { subprotocol, headers = [] } = message;
    headersOf(message, headers);
    const { subprotocols } = this.#scope;
    if (subprotocol != null && !subprotocols.includes(`${subprotocol}`)) {
      throw wrongType(message, "subprotocol", "one of those that the client offers");
    }
    this.#state = "open";
  }

  #close(closed: CloseResult): void {
    // A connection that was never open has no close code.
    if (this.#state === "open") this.#closed = closed;
    this.#state = "closed";
    this.#connection.close();
  }
}

/** Checks the content of a message. */
function checkContent(message: Message): void {
  if (message.type !== "websocket.send") throw unexpected(message, "websocket.send");
  const { text, bytes } = message;
  if (text != null && bytes != null) throw new TypeError("websocket.send has both text and bytes");
  if (text == null && !(bytes instanceof Uint8Array)) {
    throw wrongType(message, "bytes", "a Uint8Array");
  }
  if (text != null && typeof text !== "string") throw wrongType(message, "text", "a string");
}

function closeOf(message: Message): CloseResult {
  const { code, reason } = message;
  const number = code ?? 1000;
  if (!Number.isInteger(number) || Number(number) < 1000 || Number(number) > 4999) {
    throw wrongType(message, "code", "an integer from 1000 to 4999");
  }
  if (reason != null && typeof reason !== "string") throw wrongType(message, "reason", "a string");
  return { code: Number(number), reason: reason ?? "" };
}

function describe(message: Message): string {
  if (message.type !== "websocket.close") return message.type;
  const { code, reason } = closeOf(message);
  return `a close with code ${code}${reason && `: ${reason}`}`;
}
