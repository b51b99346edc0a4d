import { untilAborted } from "../async.ts";
import { ShutdownTimeoutError } from "../errors/mod.ts";
import { Site, type WebScope } from "./fetch_handler.ts";
import type { AnyApplication } from "../protocol/mod.ts";
import { checkNumber, MAX_TIMEOUT, type ServerOptions } from "./options.ts";

/** Options for `serve()`. */
export interface ServeOptions extends ServerOptions {
  /**
   * The port; 0 for any that is free.
   *
   * @default {8000}
   */
  readonly port?: number;
  /**
   * The address to listen on.
   *
   * @default {"0.0.0.0"}
   */
  readonly hostname?: string;
  /** Shuts the server down gracefully when it is aborted. */
  readonly signal?: AbortSignal;
  /**
   * How long running requests, WebSockets and the lifespan may take to end after the signal is aborted, in
   * milliseconds.
   *
   * @default {25_000}
   */
  readonly shutdownTimeout?: number;
  /** Called when the server listens, with its address. */
  readonly onListen?: (address: { readonly hostname: string; readonly port: number }) => void;
}

/** Options that only the command line uses. */
export interface ObservedServeOptions extends ServeOptions {
  /** Called before the application starts, with what is in flight from then on. */
  readonly onStart?: (site: Pick<Site, "inFlight">) => void;
}

/**
 * Serves an application over HTTP, WebSockets included, until its signal is aborted. It is `Deno.serve()`
 * with the lifespan of the application and a graceful shutdown: new requests get a response with status
 * 503, WebSockets are closed with 1012, and running requests may finish.
 *
 * @typeParam S The scopes that the application accepts: it is called with those of other protocols as well,
 * and may reject them.
 * @param application The application for HTTP requests and WebSockets.
 * @param options Where to listen, and the options of {@linkcode toFetchHandler}.
 * @returns A promise that resolves when the server has shut down.
 * @throws {LifespanError} If the application reports that it cannot start, or not shut down cleanly.
 * @throws {ShutdownTimeoutError} If applications are still running at the end of `shutdownTimeout`.
 * @throws {RangeError} If a number is out of range.
 * @throws {Deno.errors.AddrInUse} If the port is in use.
 *
 * @example Usage
 * ```ts
 * import { serve } from "@asgi/channels/server";
 *
 * const stop = new AbortController();
 * await serve(async (_scope, _receive, send) => {
 *   await send({ type: "http.response.start", status: 200 });
 *   await send({ type: "http.response.body", body: new TextEncoder().encode("Hello") });
 * }, {
 *   port: 0,
 *   signal: stop.signal,
 *   onListen: async ({ port }) => {
 *     const response = await fetch(`http://127.0.0.1:${port}/`);
 *     console.log(await response.text()); // "Hello"
 *     stop.abort();
 *   },
 * });
 * ```
 */
export async function serve<S extends WebScope = WebScope>(
  application: AnyApplication<S>,
  options: ServeOptions = {},
): Promise<void> {
  const { signal, shutdownTimeout = 25_000, onStart }: ObservedServeOptions = options;
  checkNumber("shutdownTimeout", shutdownTimeout, MAX_TIMEOUT, "milliseconds");
  const site = new Site(application as AnyApplication, options);
  onStart?.(site);
  using stopped = untilAborted(signal);
  await Promise.race([site.start(), stopped.promise]);
  if (signal?.aborted) return await site.shutdown(shutdownTimeout);
  const closing = new AbortController();
  const server = await listen(site, options, closing.signal);
  await Promise.race([stopped.promise, server.finished]);
  const deadline = performance.now() + shutdownTimeout;
  try {
    await site.shutdown(shutdownTimeout);
  } catch (error) {
    closing.abort();
    throw error;
  }
  // From here on, an abort would be an uncaught error of the runtime.
  await finish(server, { timeout: shutdownTimeout, deadline });
}

async function listen(
  site: Site,
  { port = 8000, hostname = "0.0.0.0", onListen }: ServeOptions,
  signal: AbortSignal,
): Promise<Deno.HttpServer> {
  try {
    return Deno.serve({ port, hostname, signal, onListen: (at) => onListen?.(at) }, site.handle);
  } catch (error) {
    await site.shutdown();
    throw error;
  }
}

/** Waits until clients have received what their responses contain. */
async function finish(
  server: Deno.HttpServer,
  { timeout, deadline }: { readonly timeout: number; readonly deadline: number },
): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const interrupted = ["responses that clients are receiving"];
  const timer = setTimeout(
    () => reject(new ShutdownTimeoutError({ timeout, interrupted })),
    Math.max(0, deadline - performance.now()),
  );
  await Promise.race([server.shutdown(), late]).finally(() => clearTimeout(timer));
}
