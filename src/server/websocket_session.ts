import { EventQueue } from "../async.ts";
import { ConnectionClosedError } from "../errors/mod.ts";
import type {
  AnyApplication,
  AnyMessage,
  AnyReceive,
  Incoming,
  Send,
  WebSocketScope,
} from "../protocol/mod.ts";
import {
  answerFor,
  type Exchange,
  type ExchangeOptions,
  type Failure,
  isOwnFailure,
} from "./exchange.ts";
import {
  readAccept,
  readClose,
  readContent,
  readMessage,
  readResponseBody,
  readResponseStart,
  rejectType,
  type Untrusted,
} from "./messages.ts";
import { clientGone, plainResponse, ResponseWriter } from "./response_writer.ts";
import { webSocketScope } from "./scope.ts";
import { SocketWriter } from "./socket_writer.ts";

/** About how much memory a queued message takes besides its content, in bytes. */
const OVERHEAD = 128;

/** For how long a client must have sent nothing before its connection is closed, in milliseconds. */
const QUIET = 50;

/** How long to wait for that, in milliseconds. */
const MAX_CLOSE_DELAY = 1_000;

/**
 * A WebSocket: what an application receives from its client, and sends to it.
 *
 * States: `connecting` → `open` (accepted) or `denying` (a response has begun) → `closed` (by either
 * side, or by the end of the application).
 */
export class WebSocketSession implements Exchange {
  readonly #request: Request;
  readonly #options: ExchangeOptions;
  readonly #scope: WebSocketScope;
  readonly #writer = new ResponseWriter("GET");
  readonly #events: Incoming<WebSocketScope>[] = [{ type: "websocket.connect" }];
  readonly #queue: EventQueue<Incoming<WebSocketScope>>;
  readonly #ignored = Promise.withResolvers<void>();
  readonly #handshakeTimer: ReturnType<typeof setTimeout>;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #state: "connecting" | "denying" | "open" | "closed" = "connecting";
  #socket: WebSocket | undefined;
  /** Resolves when an accepted WebSocket is open; rejects if it never will be. */
  readonly #opened = Promise.withResolvers<void>();
  #client: SocketWriter | undefined;
  /** How many bytes the application has not received. */
  #unread = 0;
  #lastMessageAt = -Infinity;

  constructor(request: Request, options: ExchangeOptions) {
    this.#request = request;
    this.#options = options;
    this.#scope = webSocketScope(request, options);
    this.#queue = new EventQueue({
      next: () => this.#next(),
      stopped: () => new ConnectionClosedError({ what: "The WebSocket is closed" }),
      onEnd: () => this.#ignored.resolve(),
    });
    const { handshakeTimeout } = options.settings;
    this.#handshakeTimer = setTimeout(() => this.#expire(), handshakeTimeout);
    this.#opened.promise.catch(() => {});
  }

  get name(): string {
    return `WebSocket ${this.#scope.path}`;
  }

  get response(): Promise<Response> {
    return this.#writer.response;
  }

  async run(application: AnyApplication): Promise<void> {
    const receive = () => this.#queue.receive();
    await Promise.race([
      application(this.#scope, receive as AnyReceive, this.#send),
      this.#ignored.promise,
    ]);
  }

  finish(failure: Failure | undefined): string | undefined {
    clearTimeout(this.#handshakeTimer);
    const state = this.#state;
    const problem = isOwnFailure(failure) ? "The application failed" : undefined;
    if (state === "connecting") return answerFor(this.#writer, failure);
    if (state === "open") this.#close(problem ? 1011 : 1000, "");
    if (state === "denying" && !this.#writer.hasEnded) {
      this.#abortDenial();
      return problem ?? "The application returned in the middle of a response";
    }
    return problem;
  }

  drain(): void {
    if (this.#state === "connecting") {
      this.#writer.replace(plainResponse(503, "Service Unavailable"));
      this.#end(1012, "");
    } else if (this.#state === "open") this.#close(1012, "");
  }

  /** Resolves when the connection has ended, on this side at least. */
  get closed(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => socket.addEventListener("close", () => resolve()));
  }

  readonly #send: Send = (message) =>
    this.#state === "open" ? this.#sendToClient(message) : this.#sendInstead(message);

  /** Not an async function: a fan-out makes this call for each client. */
  #sendToClient(message: AnyMessage): Promise<void> {
    try {
      const untrusted = readMessage(message);
      const content = untrusted.type === "websocket.send" ? readContent(untrusted) : undefined;
      if (content !== undefined && this.#client) return this.#client.send(content);
      this.#closeByRequest(untrusted);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends before the WebSocket is open; rejects after it. */
  async #sendInstead(message: AnyMessage): Promise<void> {
    const untrusted = readMessage(message);
    if (this.#state === "connecting") await this.#answer(untrusted);
    else if (this.#state === "denying" && !this.#writer.hasEnded) await this.#deny(untrusted);
    else throw new ConnectionClosedError({ what: "The WebSocket is closed" });
  }

  async #answer(message: Untrusted): Promise<void> {
    if (message.type === "websocket.accept") await this.#accept(message);
    else if (message.type === "websocket.close") this.#refuse(message);
    else if (message.type === "websocket.http.response.start") this.#startDenial(message);
    else {
      rejectType(message, "websocket.accept, websocket.close, or websocket.http.response.start");
    }
  }

  async #accept(message: Untrusted): Promise<void> {
    const { subprotocol: protocol, headers } = readAccept(message, this.#scope.subprotocols);
    const { socket, response } = Deno.upgradeWebSocket(this.#request, protocol ? { protocol } : {});
    for (const [name, value] of headers) response.headers.append(name, value);
    this.#socket = socket;
    this.#state = "open";
    this.#listen(socket);
    this.#writer.replace(response);
    await this.#opened.promise;
    clearTimeout(this.#handshakeTimer);
  }

  #listen(socket: WebSocket): void {
    const { settings } = this.#options;
    const onStall = () => this.#close(1013, "");
    this.#client = new SocketWriter(socket, { ...settings, onStall });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onopen = () => this.#opened.resolve();
    // The runtime reports a lost connection as 0.
    socket.onclose = ({ code, reason }) => {
      clearTimeout(this.#closeTimer);
      this.#end(code || 1006, reason);
    };
  }

  #onMessage(data: string | ArrayBuffer): void {
    this.#lastMessageAt = performance.now();
    if (this.#state !== "open") return;
    const { maxMessageSize, receiveBuffer } = this.#options.settings;
    const size = typeof data === "string" ? data.length : data.byteLength;
    if (isLarger(data, maxMessageSize)) return this.#close(1009, "");
    if (this.#unread > 0 && this.#unread + size > receiveBuffer) return this.#close(1008, "");
    this.#unread += size + OVERHEAD;
    this.#push(
      typeof data === "string"
        ? { type: "websocket.receive", text: data }
        : { type: "websocket.receive", bytes: new Uint8Array(data) },
    );
  }

  #push(event: Incoming<WebSocketScope>): void {
    this.#events.push(event);
    if (!this.#queue.isWaiting) return;
    const next = this.#next();
    if (next) this.#queue.give(next);
  }

  #next(): Incoming<WebSocketScope> | undefined {
    const event = this.#events.shift();
    if (event?.type === "websocket.receive") {
      this.#unread -= (event.text?.length ?? event.bytes?.length ?? 0) + OVERHEAD;
    }
    return event;
  }

  #closeByRequest(message: Untrusted): void {
    if (message.type !== "websocket.close") {
      rejectType(message, "websocket.send or websocket.close");
    }
    const { code, reason } = readClose(message);
    this.#close(code, reason);
  }

  #refuse(message: Untrusted): void {
    const { code, reason } = readClose(message);
    this.#writer.replace(plainResponse(403, "Forbidden"));
    this.#end(code, reason);
  }

  #startDenial(message: Untrusted): void {
    this.#writer.start(readResponseStart(message));
    this.#state = "denying";
    clearTimeout(this.#handshakeTimer);
  }

  async #deny(message: Untrusted): Promise<void> {
    if (message.type !== "websocket.http.response.body") {
      rejectType(message, "websocket.http.response.body");
    }
    const { body, more } = readResponseBody(message);
    await this.#writer.write(body, more);
    if (!more) this.#end(1006, "");
  }

  #abortDenial(): void {
    if (this.#writer.isStreaming) this.#writer.abort();
    else this.#writer.replace(plainResponse(500, "Internal Server Error"));
  }

  /** Closes the connection from this side. The application need not wait for the client's reply. */
  #close(code: number, reason: string): void {
    this.#end(code, reason);
    const deadline = performance.now() + MAX_CLOSE_DELAY;
    // The runtime cuts the connection if a message of the client crosses the close frame.
    const closeWhenQuiet = () => {
      const now = performance.now();
      const wait = Math.min(this.#lastMessageAt + QUIET, deadline) - now;
      if (wait <= 0) this.#socket?.close(code, reason);
      else this.#closeTimer = setTimeout(closeWhenQuiet, wait);
    };
    this.#closeTimer = setTimeout(closeWhenQuiet);
  }

  /** Tells the application, once, that the connection has ended. */
  #end(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#handshakeTimer);
    this.#opened.reject(clientGone());
    this.#push({ type: "websocket.disconnect", code, reason });
    this.#queue.stop();
  }

  /** Ends a handshake that the application, or the client, does not complete in time. */
  #expire(): void {
    if (this.#state === "connecting") this.#logIndecision();
    this.#writer.replace(plainResponse(500, "Internal Server Error"));
    this.#end(1006, "");
  }

  #logIndecision(): void {
    const { log, handshakeTimeout } = this.#options.settings;
    log({
      level: "error",
      message: `The application did not accept or reject a WebSocket within ${handshakeTimeout} ms`,
      path: this.#scope.path,
    });
  }
}

/** Returns whether a message has more bytes than a limit, in UTF-8 if it is text. */
function isLarger(data: string | ArrayBuffer, limit: number): boolean {
  if (typeof data !== "string") return data.byteLength > limit;
  if (data.length * 3 <= limit) return false;
  return data.length > limit || new TextEncoder().encode(data).length > limit;
}
