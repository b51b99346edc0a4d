import type { ServerEventName } from "../../protocol/internal.ts";
import { defineConsumer, runAs } from "../base_consumer.ts";
import { ignorable, SERVER_EVENTS } from "./connection.ts";
import { AsyncHttpConsumer, type SendHeadersOptions } from "./http.ts";

/** An event for an `EventSource` of a browser. */
export interface ServerSentEvent {
  /** The name of the event; `"message"` by default. */
  readonly event?: string;
  /** The data: a string as it is, any other value as JSON. Without it, browsers dispatch no event. */
  readonly data?: unknown;
  /** The ID, which a browser sends as `Last-Event-ID` when it reconnects. */
  readonly id?: string;
  /** How long a browser waits before it reconnects, in milliseconds. */
  readonly retry?: number;
}

/** Ignored by browsers. */
const COMMENT = ":\n\n";

/**
 * A class that sends events to an `EventSource` of a browser (server-sent events), and handles the
 * events that other programs send to its groups and to its own channel.
 *
 * The response starts with the first event, or after `connect()`; `sendResponse()` in `connect()`
 * refuses the client instead. A comment every 15 s keeps the connection alive.
 *
 * @example Usage
 * ```ts
 * import { AsyncEventSourceConsumer, ProtocolTypeRouter, URLRouter } from "@asgi/channels";
 *
 * export class GalleryConsumer extends AsyncEventSourceConsumer {
 *   static override groups = ["gallery"];
 *
 *   async thumbnail_ready(event: { type: "thumbnail.ready"; url: string }) {
 *     await this.sendEvent({ event: "thumbnail", data: { url: event.url } });
 *   }
 * }
 *
 * export const application = ProtocolTypeRouter({
 *   http: URLRouter({ "/events": GalleryConsumer.asAsgi() }),
 * });
 * ```
 */
export abstract class AsyncEventSourceConsumer extends AsyncHttpConsumer {
  /**
   * The interval of the comments that keep the connection alive, in milliseconds.
   *
   * @default {15_000}
   */
  static readonly keepAliveInterval: number = 15_000;

  static {
    defineConsumer<AsyncEventSourceConsumer>(this, async (consumer, run) => {
      try {
        await runAs(AsyncHttpConsumer, consumer, run);
      } finally {
        clearInterval(consumer.#timer);
      }
    }, SERVER_EVENTS);
  }

  #hasStarted = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #comment: Promise<void> | undefined;

  /** The ID of the last event that the client has seen before it reconnected. */
  get lastEventId(): string | undefined {
    return this.scope.headers.find(([name]) => name === "last-event-id")?.[1];
  }

  /** Called when a client connects; does nothing by default. */
  connect(): void | Promise<void> {}

  /**
   * Sends an event to the client, and waits while the client reads too slowly.
   *
   * @param event The event.
   * @throws {TypeError} If `event` or `id` has a line break, `id` has a NUL, `retry` is not an integer
   * from 0, or JSON cannot represent the data.
   * @throws {ConnectionClosedError} If the client has disconnected.
   */
  sendEvent(event: ServerSentEvent): Promise<void> {
    return ignorable(this.#sendEvent(event));
  }

  /** Calls `connect()`, and starts the response if it has not. */
  override async handle(): Promise<void> {
    await this.connect();
    if (!this.#hasStarted) await this.#sendText(COMMENT);
  }

  /** Starts a response; see {@linkcode AsyncHttpConsumer.sendHeaders}. */
  override sendHeaders(options?: SendHeadersOptions): Promise<void> {
    this.#hasStarted = true;
    return super.sendHeaders(options);
  }

  async #sendEvent(event: ServerSentEvent): Promise<void> {
    await this.#sendText(textOf(event));
  }

  /** Both messages are sent in one step, so that concurrent calls keep their order. */
  async #sendText(text: string): Promise<void> {
    const started = this.#hasStarted ? undefined : this.#start();
    await Promise.all([started, this.sendBody(text, { moreBody: true })]);
  }

  #start(): Promise<void> {
    const { keepAliveInterval } = this.constructor as typeof AsyncEventSourceConsumer;
    this.#timer = setInterval(() => this.#keepAlive(), keepAliveInterval);
    return this.sendHeaders({
      headers: { "cache-control": "no-cache", "content-type": "text/event-stream" },
    });
  }

  /** At most one comment waits for a slow client; the handlers report the end of the connection. */
  #keepAlive(): void {
    this.#comment ??= this.sendBody(COMMENT, { moreBody: true })
      .catch(() => {})
      .finally(() => this.#comment = undefined);
  }
}

/** Returns an event as the text of a stream. */
function textOf({ event, data, id, retry }: ServerSentEvent): string {
  const fields = [
    ["event", event === undefined ? [] : [checked("event", event, /[\r\n\0]/)]],
    ["id", id === undefined ? [] : [checked("id", id, /[\r\n\0]/)]],
    ["retry", retry === undefined ? [] : [checked("retry", `${retry}`, /\D/)]],
    ["data", data === undefined ? [] : dataOf(data).split(/\r\n|\r|\n/)],
  ] as const;
  const lines = fields.flatMap(([name, values]) => values.map((value) => `${name}: ${value}\n`));
  return `${lines.join("")}\n`;
}

function dataOf(data: unknown): string {
  const text: string | undefined = typeof data === "string" ? data : JSON.stringify(data);
  if (text === undefined) throw new TypeError(`Cannot send ${typeof data} as the data of an event`);
  return text;
}

function checked(field: string, value: string, invalid: RegExp): string {
  if (!invalid.test(value)) return value;
  const rule = field === "retry" ? "an integer from 0" : "text without line breaks and NUL";
  throw new TypeError(`${field} of an event must be ${rule}, got ${JSON.stringify(value)}`);
}

/** Adds names to those that are not handlers. */
export interface AsyncEventSourceConsumer {
  /** The names; absent at run time. */
  readonly "~reserved"?: (
    name: ServerEventName | keyof AsyncHttpConsumer | "connect" | "lastEventId" | "sendEvent",
  ) => void;
}
