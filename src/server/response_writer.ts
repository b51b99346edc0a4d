import { ConnectionClosedError } from "../errors/mod.ts";
import type { ResponseStart } from "./messages.ts";

/** How many bytes of a body are buffered before `write()` waits for the client. */
const HIGH_WATER_MARK = 65_536;

/** The responses that have no body, whatever the application sends. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * Turns the messages of an application into one `Response`, whose body is streamed with back-pressure.
 *
 * States: `idle` → `started` (by `start()`) → `streaming` (by the first part of a longer body) →
 * `ended` (by the last part, `replace()`, `abort()`, or the client).
 */
export class ResponseWriter {
  readonly #isHead: boolean;
  readonly #response = Promise.withResolvers<Response>();
  readonly #ended = Promise.withResolvers<void>();
  #state: "idle" | "started" | "streaming" | "ended" = "idle";
  #start: ResponseStart | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Resolves when the client has read enough for the next part. */
  #capacity: PromiseWithResolvers<void> | undefined;
  #isAbandoned = false;
  /** How many bytes of a body that is not sent may still come. */
  #unsent = HIGH_WATER_MARK;

  /** @param method The method of the request: a response to `HEAD` has no body. */
  constructor(method: string) {
    this.#isHead = method === "HEAD";
  }

  /** The response; it never rejects. */
  get response(): Promise<Response> {
    return this.#response.promise;
  }

  /** Resolves when the response is complete, was aborted, or the client has disconnected. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Whether the application has begun a response. */
  get hasStarted(): boolean {
    return this.#state !== "idle";
  }

  /** Whether a part of the body has been sent, and more may follow. */
  get isStreaming(): boolean {
    return this.#state === "streaming";
  }

  /** Whether the response is a stream of server-sent events, which has no end of its own. */
  get isEventStream(): boolean {
    return this.#start !== undefined && isEventStream(this.#start);
  }

  /** Whether nothing more can be sent. */
  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  /** Whether the client has disconnected before the end of the response. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** Keeps the status and the header fields for the first part of the body. */
  start(start: ResponseStart): void {
    this.#start = start;
    this.#state = "started";
  }

  /**
   * Sends a part of the body; resolves when the buffer can take the next one.
   *
   * @param more Whether more parts follow.
   */
  async write(body: Uint8Array, more: boolean): Promise<void> {
    if (this.#state === "started") this.#open(body, more);
    else if (this.#controller) this.#enqueue(body);
    else this.#discard(body);
    if (!more) return this.#end();
    await this.#waitForCapacity();
  }

  /** Sends a stream as the rest of the body. */
  async pipe(stream: ReadableStream<Uint8Array>): Promise<void> {
    if (this.#hasBody) { for await (const part of stream) await this.write(part, true); }
    else await stream.cancel();
    await this.write(new Uint8Array(), false);
  }

  /** Sends a complete response instead of what the application has started, unless it is streaming. */
  replace(response: Response): void {
    if (this.#state === "streaming" || this.#state === "ended") return;
    this.#response.resolve(response);
    this.#finish();
  }

  /** Aborts a response that is streaming: the client notices that it is incomplete. */
  abort(): void {
    if (this.#state === "ended") return;
    this.#controller?.error(incomplete());
    this.#finish();
  }

  /** Ends a response that is streaming where it is, as if it were complete. */
  cutShort(): void {
    if (this.#state === "streaming") this.#end();
  }

  /** Notes that the client has disconnected. */
  readonly abandon = (): void => {
    if (this.#state === "ended") return;
    this.#isAbandoned = true;
    // The runtime has no client left to send it to.
    this.#response.resolve(new Response(null, { status: 503 }));
    this.#finish();
  };

  #open(body: Uint8Array, more: boolean): void {
    const { status, headers } = this.#start!;
    const hasBody = this.#hasBody;
    const content = !hasBody ? null : more ? this.#stream(body) : body as BodyInit;
    this.#state = "streaming";
    // The client has all that it gets.
    if (!hasBody) this.#ended.resolve();
    this.#response.resolve(new Response(content, { status, headers }));
  }

  get #hasBody(): boolean {
    return !this.#isHead && !WITHOUT_BODY.has(this.#start!.status);
  }

  #stream(first: Uint8Array): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        this.#enqueue(first);
      },
      pull: () => this.#capacity?.resolve(),
      cancel: this.abandon,
    }, { highWaterMark: HIGH_WATER_MARK, size: ({ length }) => length });
  }

  #enqueue(part: Uint8Array): void {
    // The application may reuse the part.
    if (part.length > 0) this.#controller?.enqueue(part.slice());
  }

  /** A body that is not sent cannot make the application wait: an endless one must end. */
  #discard(part: Uint8Array): void {
    this.#unsent -= part.length + 1;
    if (this.#unsent >= 0) return;
    this.#end();
    throw new ConnectionClosedError({ what: "The response has no body" });
  }

  async #waitForCapacity(): Promise<void> {
    if (!this.#controller || (this.#controller.desiredSize ?? 0) > 0) return;
    this.#capacity ??= Promise.withResolvers();
    await this.#capacity.promise;
    this.#capacity = undefined;
    if (this.#isAbandoned) throw clientGone();
  }

  #end(): void {
    this.#controller?.close();
    this.#finish();
  }

  #finish(): void {
    this.#state = "ended";
    this.#controller = undefined;
    this.#capacity?.resolve();
    this.#ended.resolve();
  }
}

/** Returns the error of `send()` when the client has disconnected. */
export function clientGone(): ConnectionClosedError {
  return new ConnectionClosedError({ what: "The client has disconnected" });
}

/** Returns the reason of an aborted body. The runtime prints it: without a stack, it is one line. */
function incomplete(): Error {
  const error = new Error("The application ended before the response was complete");
  error.stack = String(error);
  return error;
}

/** Returns whether a response is a stream of server-sent events. */
export function isEventStream({ headers }: { readonly headers: Headers }): boolean {
  return headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** Returns a response that says no more than its status. */
export function plainResponse(status: number, text: string, headers: HeadersInit = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
