import { ConnectionClosedError } from "../errors/mod.ts";
import type {
  AnyApplication,
  ConnectionScope,
  HeaderPairs,
  HttpScope,
  Message,
  Send,
  WebSocketScope,
} from "../protocol/mod.ts";
import { ApplicationCommunicator, type CommunicatorWaitOptions } from "./communicator.ts";

/** How long the application may take to end after its client has disconnected, in milliseconds. */
const END_TIMEOUT = 1_000;

/** What the communicators of connections have in common in their options. */
export interface ConnectionCommunicatorOptions {
  /** The header fields of the request; none by default. */
  readonly headers?: HeadersInit;
  /** What a `URLRouter` would have matched; nothing by default. */
  readonly params?: Readonly<Record<string, string>>;
  /** The extensions of ASGI that the application is told of. */
  readonly extensions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** What a {@linkcode TestConnection} needs of its communicator. */
export interface TestConnectionParts<S extends HttpScope | WebSocketScope> {
  readonly application: AnyApplication<S>;
  readonly scope: S;
  /** Checks a message of the application, as a server does, and notes what it changes. */
  readonly check: (message: Message) => void;
  /** Returns the event that tells the application that the client has disconnected. */
  readonly disconnectEvent: () => Message;
}

/** The server's side of a connection in a test: checks what the application sends. */
export class TestConnection<S extends HttpScope | WebSocketScope> {
  readonly #parts: TestConnectionParts<S>;
  readonly #communicator: ApplicationCommunicator<S>;
  readonly #ended = Promise.withResolvers<void>();
  #isStarted = false;
  #isClosed = false;

  constructor(parts: TestConnectionParts<S>) {
    this.#parts = parts;
    const run: AnyApplication<S> = async (scope, receive, send) => {
      try {
        await parts.application(scope, receive, (message) => this.#send(message as Message, send));
      } catch (error) {
        // As a server, which does not log it.
        if (!(error instanceof ConnectionClosedError)) throw error;
      } finally {
        this.#ended.resolve();
      }
    };
    this.#communicator = new ApplicationCommunicator(run, parts.scope);
  }

  /** Whether nothing more can be sent, in either direction. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Passes an event to the application. */
  async input(event: Message): Promise<void> {
    this.#isStarted = true;
    await this.#communicator.sendInput(event);
  }

  /** Returns the next message of the application. */
  output(options?: CommunicatorWaitOptions): Promise<Message> {
    return this.#communicator.receiveOutput(options);
  }

  /** Returns whether the application sends no message for a while. */
  receiveNothing(options?: CommunicatorWaitOptions): Promise<boolean> {
    return this.#communicator.receiveNothing(options);
  }

  /** Waits until the application returns. */
  wait(options?: CommunicatorWaitOptions): Promise<void> {
    return this.#communicator.wait(options);
  }

  /** Ends the connection, and tells the application. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.input(this.#parts.disconnectEvent());
  }

  /** Ends the connection, and waits until the application has ended. */
  async dispose(): Promise<void> {
    if (this.#isStarted) {
      await this.close();
      await this.#untilEnded();
    }
    await this.#communicator.stop();
  }

  async #send(message: Message, send: Send): Promise<void> {
    if (this.#isClosed) throw new ConnectionClosedError({ what: "The connection has ended" });
    this.#parts.check(message);
    await send(message);
  }

  async #untilEnded(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, END_TIMEOUT);
    await Promise.race([this.#ended.promise, late.promise]);
    clearTimeout(timer);
  }
}

/** Returns what the scopes of requests and WebSockets have in common. */
export function connectionScope(
  url: string,
  scheme: string,
  options: ConnectionCommunicatorOptions,
): ConnectionScope {
  if (!url.startsWith("/")) {
    throw new TypeError(`The path must start with "/", got ${JSON.stringify(url)}`);
  }
  const [raw_path = "", ...query] = url.split("?");
  return {
    asgi: { version: "3.0", spec_version: "2.5" },
    http_version: "1.1",
    scheme,
    path: decode(raw_path),
    raw_path,
    query_string: query.join("?"),
    root_path: "",
    headers: [["host", "testserver"], ...new Headers(options.headers)],
    client: ["127.0.0.1", 50_000],
    server: ["testserver", 80],
    params: { ...options.params },
    extensions: { ...options.extensions },
  };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A complete response of an application. */
export class TestResponse {
  /** The status. */
  readonly status: number;
  /** The header fields. */
  readonly headers: Headers;
  /** The body. */
  readonly body: Uint8Array;

  /** Creates a response. */
  constructor(status: number, headers: Headers, body: Uint8Array) {
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** Returns the body as text. */
  text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** Returns the body, which must be JSON, as a value. */
  json(): unknown {
    return JSON.parse(this.text());
  }
}

/** Checks the messages of a response, and collects them. */
export class ResponseCheck {
  readonly #prefix: string;
  #start: { readonly status: number; readonly headers: Headers } | undefined;
  readonly #parts: Uint8Array[] = [];

  /** @param prefix What the types of the messages start with. */
  constructor(prefix: "http" | "websocket.http") {
    this.#prefix = prefix;
  }

  /** Whether the response has been started. */
  get isStarted(): boolean {
    return this.#start !== undefined;
  }

  /**
   * Checks a message.
   *
   * @returns Whether it completes the response.
   * @throws {TypeError} If a server would reject it.
   */
  add(message: Message): boolean {
    if (message.type === `${this.#prefix}.response.start`) {
      this.#begin(message);
      return false;
    }
    if (message.type !== `${this.#prefix}.response.body`) throw unexpected(message, "a response");
    const { body = new Uint8Array(), more_body = false } = message;
    if (!this.#start) throw new TypeError(`${message.type} before ${this.#prefix}.response.start`);
    if (!(body instanceof Uint8Array)) throw wrongType(message, "body", "a Uint8Array");
    if (typeof more_body !== "boolean") throw wrongType(message, "more_body", "a boolean");
    this.#parts.push(body);
    return !more_body;
  }

  /** Returns the response as far as it has been sent. */
  get response(): TestResponse {
    const { status = 0, headers = new Headers() } = this.#start ?? {};
    const body = this.#parts.flatMap((part) => [...part]);
    return new TestResponse(status, headers, Uint8Array.from(body));
  }

  #begin(message: Message): void {
    const { status, headers = [] } = message;
    if (this.#start) throw new TypeError(`${message.type} twice`);
    if (!Number.isInteger(status) || Number(status) < 200 || Number(status) > 599) {
      throw wrongType(message, "status", "an integer from 200 to 599");
    }
    this.#start = { status: Number(status), headers: headersOf(message, headers) };
  }
}

/** Returns the header fields of a message; they must be pairs. */
export function headersOf(message: Message, headers: unknown): Headers {
  if (!Array.isArray(headers)) throw wrongType(message, "headers", "an array of pairs");
  return new Headers(headers as HeaderPairs as [string, string][]);
}

/** Returns the error for a message that does not fit the state of the connection. */
export function unexpected({ type }: Message, expected: string): TypeError {
  return new TypeError(`Unexpected message ${JSON.stringify(type)}: expected ${expected}`);
}

/** Returns the error for a value of the wrong type. */
export function wrongType(message: Message, key: string, expected: string): TypeError {
  const got = message[key];
  const shown = typeof got === "object" ? Object.prototype.toString.call(got) : String(got);
  return new TypeError(`${message.type}: ${key} must be ${expected}, got ${shown}`);
}
