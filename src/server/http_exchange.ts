import { ConnectionClosedError } from "../errors/mod.ts";
import type { AnyApplication, AnyReceive, HttpScope, Incoming, Send } from "../protocol/mod.ts";
import {
  answerFor,
  type Exchange,
  type ExchangeOptions,
  type Failure,
  isOwnFailure,
} from "./exchange.ts";
import {
  readMessage,
  readPath,
  readResponseBody,
  readResponseStart,
  rejectType,
  type Untrusted,
} from "./messages.ts";
import { clientGone, ResponseWriter } from "./response_writer.ts";
import { httpScope } from "./scope.ts";

const EMPTY = new Uint8Array();

/** An HTTP request, and the response of an application to it. */
export class HttpExchange implements Exchange {
  readonly #request: Request;
  readonly #scope: HttpScope;
  readonly #writer: ResponseWriter;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #hasReceivedBody = false;

  constructor(request: Request, options: ExchangeOptions) {
    this.#request = request;
    this.#writer = new ResponseWriter(request.method);
    this.#scope = httpScope(request, options);
  }

  get name(): string {
    return `${this.#scope.method} ${this.#scope.path}`;
  }

  get response(): Promise<Response> {
    return this.#writer.response;
  }

  readonly closed: Promise<void> = Promise.resolve();

  async run(application: AnyApplication): Promise<void> {
    await application(this.#scope, this.#receive as AnyReceive, this.#send);
  }

  finish(failure: Failure | undefined): string | undefined {
    const { isAbandoned, hasEnded, isStreaming } = this.#writer;
    if (hasEnded) {
      return !isAbandoned && isOwnFailure(failure) ? "The application failed" : undefined;
    }
    if (!isStreaming) return answerFor(this.#writer, failure);
    this.#writer.abort();
    return failure
      ? "The application failed"
      : "The application returned in the middle of a response";
  }

  /** Ends a response that has no end of its own; others may finish. */
  drain(): void {
    if (this.#writer.isEventStream) this.#writer.cutShort();
  }

  readonly #receive = async (): Promise<Incoming<HttpScope>> => {
    if (!this.#hasReceivedBody) return await this.#receiveBody();
    if (!this.#writer.hasStarted) this.#watchClient();
    await this.#writer.ended;
    return { type: "http.disconnect" };
  };

  async #receiveBody(): Promise<Incoming<HttpScope>> {
    try {
      this.#reader ??= this.#request.body?.getReader();
      const part = await this.#reader?.read();
      if (part && !part.done) return { type: "http.request", body: part.value, more_body: true };
      this.#hasReceivedBody = true;
      return { type: "http.request", body: EMPTY, more_body: false };
    } catch {
      this.#hasReceivedBody = true;
      this.#writer.abandon();
      return { type: "http.disconnect" };
    }
  }

  /** The runtime warns when the signal is read, so it is only read when the application waits for it. */
  #watchClient(): void {
    const { signal } = this.#request;
    if (signal.aborted) this.#writer.abandon();
    else signal.addEventListener("abort", this.#writer.abandon, { once: true });
  }

  readonly #send: Send = async (message) => {
    this.#checkOpen();
    const untrusted = readMessage(message);
    if (!this.#writer.hasStarted) return this.#start(untrusted);
    await this.#continue(untrusted);
  };

  #checkOpen(): void {
    if (this.#writer.isAbandoned) throw clientGone();
    if (this.#writer.hasEnded) {
      throw new ConnectionClosedError({ what: "The response is complete" });
    }
  }

  #start(message: Untrusted): void {
    if (message.type !== "http.response.start") rejectType(message, "http.response.start");
    this.#writer.start(readResponseStart(message));
  }

  async #continue(message: Untrusted): Promise<void> {
    const { type } = message;
    if (type === "http.response.body") {
      const { body, more } = readResponseBody(message);
      await this.#writer.write(body, more);
    } else if (type === "http.response.pathsend" && !this.#writer.isStreaming) {
      const file = await Deno.open(readPath(message));
      await this.#writer.pipe(file.readable);
    } else rejectType(message, "http.response.body");
  }
}
