import type { AnyApplication, HttpScope, Message } from "../protocol/mod.ts";
import type { CommunicatorWaitOptions } from "./communicator.ts";
import {
  type ConnectionCommunicatorOptions,
  connectionScope,
  ResponseCheck,
  TestConnection,
  type TestResponse,
} from "./connection.ts";

/** Options for {@linkcode HttpCommunicator}. */
export interface HttpCommunicatorOptions extends ConnectionCommunicatorOptions {
  /** The body of the request; empty by default. */
  readonly body?: string | Uint8Array;
}

/**
 * Sends a request to an HTTP application in a test, in place of a server and its client. As a server,
 * it rejects invalid messages, and those after the response.
 *
 * @example Usage
 * ```ts
 * import { AsyncHttpConsumer } from "@asgi/channels";
 * import { HttpCommunicator } from "@asgi/channels/testing";
 * import { assertEquals } from "@std/assert";
 *
 * class EchoConsumer extends AsyncHttpConsumer {
 *   async handle(body: Uint8Array) {
 *     await this.sendResponse(200, body);
 *   }
 * }
 *
 * const application = EchoConsumer.asAsgi();
 * await using communicator = new HttpCommunicator(application, "POST", "/", { body: "Hello" });
 * const response = await communicator.getResponse();
 * assertEquals(response.status, 200);
 * assertEquals(response.text(), "Hello");
 * ```
 */
export class HttpCommunicator implements AsyncDisposable {
  readonly #connection: TestConnection<HttpScope>;
  readonly #check = new ResponseCheck("http");
  readonly #body: Uint8Array;
  readonly #chunks: Uint8Array[] = [];
  #isRequested = false;
  #isComplete = false;

  /**
   * Creates a communicator. The application is started when the communicator is first used.
   *
   * @param application The application to test.
   * @param method The method, such as `"GET"`.
   * @param path The path, percent-encoded; a query may follow after a `?`.
   * @param options The body and the header fields.
   * @throws {TypeError} If the path does not start with `/`.
   */
  constructor(
    application: AnyApplication<HttpScope>,
    method: string,
    path: string,
    options: HttpCommunicatorOptions = {},
  ) {
    const { body = "" } = options;
    this.#body = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const common = connectionScope(path, "http", options);
    this.#connection = new TestConnection<HttpScope>({
      application,
      scope: { ...common, type: "http", method: method.toUpperCase() },
      check: (message) => this.#receive(message),
      disconnectEvent: () => ({ type: "http.disconnect" }),
    });
  }

  /**
   * Sends the request, and waits for the complete response.
   *
   * @param options How long to wait for each message: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the response is not complete in time.
   * @throws The error of the application.
   */
  async getResponse(options?: CommunicatorWaitOptions): Promise<TestResponse> {
    while (!this.#isComplete) await this.#next(options);
    return this.#check.response;
  }

  /**
   * Sends the request, and waits for the status and the header fields.
   *
   * @param options How long to wait: 1000 ms by default.
   * @returns The response; its body is what has been received so far.
   * @throws {DOMException} Named `TimeoutError`, if there is no response in time.
   * @throws The error of the application.
   */
  async getHeaders(options?: CommunicatorWaitOptions): Promise<TestResponse> {
    while (!this.#check.isStarted) await this.#next(options);
    return this.#check.response;
  }

  /**
   * Sends the request, and waits for the next part of the body.
   *
   * @param options How long to wait: 1000 ms by default.
   * @returns The part, or `undefined` after the last one.
   * @throws {DOMException} Named `TimeoutError`, if there is no part in time.
   * @throws The error of the application.
   */
  async receiveChunk(options?: CommunicatorWaitOptions): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0 && !this.#isComplete) await this.#next(options);
    return this.#chunks.shift();
  }

  /**
   * Returns whether the application sends nothing for a while.
   *
   * @param options How long to wait: 100 ms by default.
   * @throws The error of the application.
   */
  async receiveNothing(options?: CommunicatorWaitOptions): Promise<boolean> {
    await this.#request();
    return await this.#connection.receiveNothing(options);
  }

  /** Disconnects the client, whether the response is complete or not. */
  async disconnect(): Promise<void> {
    await this.#request();
    await this.#connection.close();
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

  async #request(): Promise<void> {
    if (this.#isRequested) return;
    this.#isRequested = true;
    const event = { type: "http.request", body: this.#body, more_body: false };
    await this.#connection.input(event);
  }

  /** Waits for a message of the application. */
  async #next(options: CommunicatorWaitOptions | undefined): Promise<void> {
    await this.#request();
    const { type, body, more_body } = await this.#connection.output(options);
    if (type !== "http.response.body") return;
    if (body instanceof Uint8Array && body.length > 0) this.#chunks.push(body);
    if (!more_body) this.#isComplete = true;
  }

  #receive(message: Message): void {
    if (this.#check.add(message)) this.#connection.close();
  }
}
