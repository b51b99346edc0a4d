import type { ServerEventName } from "../../protocol/internal.ts";
import type { HttpScope, Incoming, Outgoing, Scope } from "../../protocol/mod.ts";
import { BaseConsumer, type ConsumerRun, defineConsumer } from "../base_consumer.ts";
import { StopConsumer } from "../stop_consumer.ts";
import { begun, Connection, ignorable, SERVER_EVENTS } from "./connection.ts";
import { bytesOf, headerPairs, headersFor, type ResponseHeaders } from "./response.ts";

/** Options for {@linkcode AsyncHttpConsumer.sendHeaders}. */
export interface SendHeadersOptions {
  /**
   * The status, from 200 to 599.
   *
   * @default {200}
   */
  readonly status?: number;
  /** The header fields; none by default. */
  readonly headers?: ResponseHeaders;
}

/** Options for {@linkcode AsyncHttpConsumer.sendBody}. */
export interface SendBodyOptions {
  /**
   * Whether more parts follow.
   *
   * @default {false}
   */
  readonly moreBody?: boolean;
}

/**
 * A class that handles an HTTP request, and the events that other programs send to its groups and to
 * its own channel while the response is sent.
 *
 * Implement `handle()`. If it returns in the middle of a response, the consumer continues with events of
 * the layer until the response is complete, or the client disconnects: long polling, and streams. Every
 * other method that your class declares handles such events, as in an `AsyncWebsocketConsumer`.
 *
 * @example Usage
 * ```ts
 * import { AsyncHttpConsumer, ProtocolTypeRouter, URLRouter } from "@asgi/channels";
 *
 * export class UploadConsumer extends AsyncHttpConsumer {
 *   async handle(body: Uint8Array) {
 *     await this.channelLayer.send("thumbnails-generate", { type: "generate", picture: body });
 *     await this.sendResponse(202, "Accepted");
 *   }
 * }
 *
 * export const application = ProtocolTypeRouter({
 *   http: URLRouter({ "/upload": UploadConsumer.asAsgi() }),
 * });
 * ```
 */
export abstract class AsyncHttpConsumer extends BaseConsumer<HttpScope> {
  /** The groups that every connection joins before `handle()` is called; none by default. */
  static readonly groups: readonly string[] = [];

  /**
   * The maximum size of the body of a request, in bytes; larger ones get status 413.
   *
   * @default {1_048_576}
   */
  static readonly maxBodySize: number = 1_048_576;

  static {
    defineConsumer<AsyncHttpConsumer>(this, (consumer, run) => consumer.#run(run), SERVER_EVENTS);
  }

  #connection: Connection<Outgoing<HttpScope>> | undefined;
  #response: "none" | "under way" | "complete" = "none";
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  /** The groups that this connection joins: those of the class by default. */
  get groups(): readonly string[] {
    return (this.constructor as typeof AsyncHttpConsumer).groups;
  }

  /**
   * Handles the request: must send a response, or begin to.
   *
   * @param body The complete body of the request.
   */
  abstract handle(body: Uint8Array): void | Promise<void>;

  /**
   * Called once when the response is complete, the client has disconnected, or a handler has thrown, if
   * `handle()` has been called.
   */
  disconnect(): void | Promise<void> {}

  /**
   * Starts a response, whose body {@linkcode AsyncHttpConsumer.sendBody} sends in parts.
   *
   * @param options The status and the header fields.
   */
  sendHeaders(options: SendHeadersOptions = {}): Promise<void> {
    const { status = 200, headers } = options;
    this.#response = "under way";
    return this.#open.send({ type: "http.response.start", status, headers: headerPairs(headers) });
  }

  /**
   * Sends a part of the body, and waits while the client reads too slowly.
   *
   * @param body The part; text is encoded as UTF-8.
   * @param options Whether more parts follow.
   * @throws {ConnectionClosedError} If the client has disconnected.
   */
  sendBody(body: string | Uint8Array, options: SendBodyOptions = {}): Promise<void> {
    const { moreBody = false } = options;
    this.#response = moreBody ? "under way" : "complete";
    const part = bytesOf(body);
    return this.#open.send({ type: "http.response.body", body: part, more_body: moreBody });
  }

  /**
   * Sends a whole response.
   *
   * @param status The status, such as 404.
   * @param body The body; text is `text/plain` by default.
   * @param headers The header fields.
   */
  sendResponse(
    status: number,
    body: string | Uint8Array = "",
    headers?: ResponseHeaders,
  ): Promise<void> {
    const started = this.sendHeaders({ status, headers: headersFor(body, headers) });
    return ignorable(started.then(() => this.sendBody(body)));
  }

  get #open(): Connection<Outgoing<HttpScope>> {
    return begun(this.#connection);
  }

  async #run(run: ConsumerRun): Promise<void> {
    this.#connection = new Connection({
      consumer: this,
      run,
      handle: (event) => this.#receive(event as Incoming<HttpScope>),
      isComplete: () => this.#response === "complete",
      disconnect: () => this.disconnect(),
    });
    await this.#connection.run();
  }

  /** Collects the body of the request, then calls `handle()`. */
  async #receive(event: Incoming<HttpScope>): Promise<void> {
    if (event.type === "http.disconnect") throw new StopConsumer();
    this.#parts.push(event.body);
    this.#size += event.body.length;
    const { maxBodySize } = this.constructor as typeof AsyncHttpConsumer;
    if (this.#size > maxBodySize) {
      await this.sendResponse(413, `The body must have at most ${maxBodySize} bytes`);
    } else if (!event.more_body) await this.#open.begin(() => this.#handle());
  }

  async #handle(): Promise<void> {
    await this.handle(joined(this.#parts.splice(0), this.#size));
    if (this.#response !== "none") return;
    throw new TypeError(
      `${this.constructor.name}.handle() returned without a response: ` +
        "call sendResponse(), or sendHeaders() to respond later",
    );
  }
}

/** Returns the parts of a body as one. */
function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** Adds names to those that are not handlers. */
export interface AsyncHttpConsumer {
  /** The names; absent at run time. */
  readonly "~reserved"?: (
    name:
      | keyof BaseConsumer<Scope>
      | ServerEventName
      | "disconnect"
      | "groups"
      | "handle"
      | "sendBody"
      | "sendHeaders"
      | "sendResponse",
  ) => void;
}
