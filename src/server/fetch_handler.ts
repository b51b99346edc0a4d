import { setTimeout as pause } from "node:timers/promises";
import { ShutdownTimeoutError } from "../errors/mod.ts";
import { type FetchFunction, fetchOf } from "../protocol/internal.ts";
import type { AnyApplication, HttpScope, WebSocketScope } from "../protocol/mod.ts";
import { type Exchange, type Failure, isWebSocketRequest, rejectHandshake } from "./exchange.ts";
import { HttpExchange } from "./http_exchange.ts";
import { Lifespan } from "./lifespan.ts";
import { type ServerOptions, type ServerSettings, serverSettings } from "./options.ts";
import { isEventStream, plainResponse } from "./response_writer.ts";
import { hasValidUrl, type ServeInfo, splitUrl } from "./scope.ts";
import { WebSocketSession } from "./websocket_session.ts";

/** How long to wait for clients to answer the end of their WebSockets, in milliseconds. */
const CLOSE_TIMEOUT = 5_000;

const NOT_A_RESPONSE = "The fetch function must return a Response of this runtime";

/** What the applications of a website are called with. */
export type WebScope = HttpScope | WebSocketScope;

/** A function that answers requests: what `Deno.serve()`, `deno serve`, Hono and oak call. */
export interface FetchHandler extends AsyncDisposable {
  /**
   * Answers a request, be it the handshake of a WebSocket.
   *
   * @param request The request, as the runtime has created it.
   * @param info What the runtime knows about the connection.
   * @returns The response. The promise never rejects.
   */
  (request: Request, info?: ServeInfo): Promise<Response>;
  /**
   * Shuts down gracefully: further requests get a response with status 503, WebSockets are closed with
   * 1012, running requests may finish, and the lifespan ends.
   *
   * @param options How long all of it may take, in milliseconds: 25,000 by default.
   * @throws {ShutdownTimeoutError} If applications are still running then.
   * @throws {LifespanError} If the application reports that it cannot shut down cleanly.
   */
  shutdown(options?: { readonly timeout?: number }): Promise<void>;
}

/**
 * Creates a function that answers requests by calling an application: for `Deno.serve()`,
 * `deno serve --parallel`, and frameworks. The lifespan of the application starts with the first request.
 *
 * An application that throws a `NoRouteError` causes a response with status 404; any other error is logged
 * and causes one with status 500, without details.
 *
 * @typeParam S The scopes that the application accepts: it is called with those of other protocols as well,
 * and may reject them.
 * @param application The application for HTTP requests and WebSockets.
 * @param options The limits, the allowed origins, and the log.
 * @returns The function.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If the root path or an origin is invalid.
 *
 * @example Usage
 * ```ts
 * import { toFetchHandler } from "@asgi/channels/server";
 *
 * await using handler = toFetchHandler(async (scope, _receive, send) => {
 *   await send({ type: "http.response.start", status: 200 });
 *   await send({ type: "http.response.body", body: new TextEncoder().encode(scope.path) });
 * });
 *
 * const response = await handler(new Request("http://localhost/hello"));
 * console.log(await response.text()); // "/hello"
 * ```
 */
export function toFetchHandler<S extends WebScope = WebScope>(
  application: AnyApplication<S>,
  options: ServerOptions = {},
): FetchHandler {
  const site = new Site(application as AnyApplication, options);
  const shutdown: FetchHandler["shutdown"] = ({ timeout } = {}) => site.shutdown(timeout);
  return Object.assign(site.handle, { shutdown, [Symbol.asyncDispose]: () => site.shutdown() });
}

/** An application, and the requests and WebSockets that it is answering. */
export class Site {
  readonly #application: AnyApplication;
  readonly #settings: ServerSettings;
  readonly #lifespan: Lifespan;
  readonly #draining = new AbortController();
  readonly #active = new Set<Exchange>();
  /** If one function answers all HTTP requests, it is called directly. */
  readonly #fetch: FetchFunction | undefined;
  readonly #fetching = new Set<Request>();
  #starting: Promise<void> | undefined;
  #hasStarted = false;
  #stopping: Promise<void> | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(application: AnyApplication, options: ServerOptions) {
    this.#application = application;
    this.#fetch = fetchOf(application);
    this.#settings = serverSettings(options);
    this.#lifespan = new Lifespan(application, this.#settings);
  }

  /** The requests and WebSockets that are being answered now, by method and path. */
  get inFlight(): string[] {
    return [
      ...Array.from(this.#active, ({ name }) => name),
      ...Array.from(this.#fetching, nameOf),
    ];
  }

  /** Starts the lifespan. */
  start(): Promise<void> {
    return this.#starting ??= this.#lifespan.start().then(() => void (this.#hasStarted = true));
  }

  readonly handle = (request: Request, info?: ServeInfo): Promise<Response> =>
    this.#hasStarted ? this.#respond(request, info) : this.#startAndRespond(request, info);

  /** See {@linkcode FetchHandler.shutdown}. */
  shutdown(timeout = 25_000): Promise<void> {
    return this.#stopping ??= this.#shutDownWithin(timeout);
  }

  async #shutDownWithin(timeout: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), timeout);
    const outcome = await Promise.race([this.#shutDown(), late]).finally(() => clearTimeout(timer));
    if (outcome !== "late") return;
    const names = this.inFlight;
    const interrupted = names.length > 0 ? names : [`lifespan.${this.#lifespan.phase}`];
    throw new ShutdownTimeoutError({ timeout, interrupted });
  }

  async #shutDown(): Promise<void> {
    this.#draining.abort();
    const closed = Promise.all(Array.from(this.#active, (exchange) => exchange.closed));
    for (const exchange of this.#active) exchange.drain();
    if (!this.#isIdle) await (this.#idle = Promise.withResolvers()).promise;
    await settledWithin(closed, CLOSE_TIMEOUT);
    await this.#lifespan.stop();
  }

  async #startAndRespond(request: Request, info: ServeInfo | undefined): Promise<Response> {
    try {
      await this.start();
    } catch (error) {
      this.#log("The application cannot start", request.url, { error });
      return plainResponse(500, "Internal Server Error");
    }
    return await this.#respond(request, info);
  }

  #respond(request: Request, info: ServeInfo | undefined): Promise<Response> {
    const settings = this.#settings;
    if (this.#draining.signal.aborted) return Promise.resolve(unavailable());
    const isWebSocket = isWebSocketRequest(request);
    if (!isWebSocket && this.#fetch) {
      const response = this.#callFetch(this.#fetch, request, info);
      return settings.onAccess ? this.#noted(nameOf(request), response) : response;
    }
    if (!hasValidUrl(request)) return Promise.resolve(plainResponse(400, "Bad Request"));
    const rejection = isWebSocket && rejectHandshake(request, settings);
    if (rejection) return Promise.resolve(rejection);
    const context = { info, settings, state: this.#lifespan.state };
    const exchange = isWebSocket
      ? new WebSocketSession(request, context)
      : new HttpExchange(request, context);
    this.#run(exchange);
    return settings.onAccess ? this.#noted(exchange.name, exchange.response) : exchange.response;
  }

  /** Calls a function that answers the requests itself. */
  async #callFetch(
    fetch: FetchFunction,
    request: Request,
    info: ServeInfo | undefined,
  ): Promise<Response> {
    this.#fetching.add(request);
    try {
      const response = await fetch(request, info as Deno.ServeHandlerInfo);
      // A copy of the class, such as undici's, cannot be sent.
      if (!(response instanceof Response)) throw new TypeError(NOT_A_RESPONSE);
      return isEventStream(response) ? endable(response, this.#draining.signal) : response;
    } catch (error) {
      this.#log("The application failed", nameOf(request), { error });
      return plainResponse(500, "Internal Server Error");
    } finally {
      this.#fetching.delete(request);
      this.#noteIdle();
    }
  }

  /** Calls the application, and ends the exchange after it. */
  async #run(exchange: Exchange): Promise<void> {
    this.#active.add(exchange);
    let failure: Failure | undefined;
    try {
      await exchange.run(this.#application);
    } catch (error) {
      failure = { error };
    }
    const problem = exchange.finish(failure);
    if (problem) this.#log(problem, exchange.name, failure);
    this.#active.delete(exchange);
    this.#noteIdle();
  }

  #noteIdle(): void {
    if (this.#idle && this.#isIdle) this.#idle.resolve();
  }

  get #isIdle(): boolean {
    return this.#active.size + this.#fetching.size === 0;
  }

  /** Reports a response when it starts. */
  async #noted(name: string, pending: Promise<Response>): Promise<Response> {
    const start = performance.now();
    const response = await pending;
    this.#settings.onAccess?.({
      name,
      status: response.status,
      duration: performance.now() - start,
    });
    return response;
  }

  #log(message: string, path: string, failure: Failure | undefined): void {
    this.#settings.log({ level: "error", message, path, ...failure });
  }
}

/** Returns a response that ends when the server shuts down. */
function endable(response: Response, draining: AbortSignal): Response {
  if (!response.body) return response;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  response.body.pipeTo(writable, { signal: draining, preventAbort: true })
    .catch(() => writable.close().catch(() => {}));
  return new Response(readable, response);
}

function nameOf({ method, url }: Request): string {
  return `${method} ${splitUrl(url).path}`;
}

function unavailable(): Response {
  return plainResponse(503, "Service Unavailable", { "connection": "close", "retry-after": "1" });
}

/** Waits until a promise settles, or some milliseconds have passed. */
async function settledWithin(promise: Promise<unknown>, timeout: number): Promise<void> {
  const done = new AbortController();
  const waited = pause(timeout, undefined, { signal: done.signal });
  await Promise.race([promise, waited]).finally(() => done.abort());
  await waited.catch(() => {});
}
