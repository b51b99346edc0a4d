import { onAbort } from "../async.ts";
import { NoRouteError, ShutdownTimeoutError } from "../errors/mod.ts";
import { fetchOf, withHooks } from "../protocol/internal.ts";
import type { AnyApplication, AnyReceive } from "../protocol/mod.ts";
import { listed } from "../printable.ts";
import type { ObservedServeOptions } from "../server/internal.ts";
import { type Access, serve, type ServeOptions, type ServerLogEntry } from "../server/mod.ts";
import type { Counter } from "../worker/internal.ts";
import type { Worker } from "../worker/mod.ts";
import type { Loaded, Service } from "./host.ts";
import type { CommandLogEntry, Log } from "./log.ts";
import { quotable } from "./options.ts";
import { SystemError, UsageError } from "./terminal.ts";
import { createWorker, type WorkerConfiguration } from "./work.ts";

/** The configuration of a server and its worker, from the command line. */
export interface SiteConfiguration
  extends WorkerConfiguration, Pick<ServeOptions, "rootPath" | "allowedOrigins"> {
  /** The channels of the worker; without any, there is no worker. */
  readonly channels: readonly string[];
  readonly hostname: string;
  readonly port: number;
  /** Whether to log each request. */
  readonly logsRequests: boolean;
}

/**
 * A server, and a worker in the same process if there are channels for it. Either one stops both. The
 * worker starts when the server listens, and the lifespan of the app ends after the worker.
 */
export class SiteService implements Service {
  readonly #loaded: Loaded;
  readonly #configuration: SiteConfiguration;
  readonly #log: Log;
  readonly #worker: Worker | undefined;
  readonly #stop = new AbortController();
  #site: { readonly inFlight: readonly string[] } = { inFlight: [] };
  #working: Promise<void> | undefined;
  /** Why the app is not a site. */
  #mistake: UsageError | undefined;

  constructor(
    loaded: Loaded,
    configuration: SiteConfiguration,
    { log, counter }: { readonly log: Log; readonly counter: Counter },
  ) {
    const { channels } = configuration;
    const onListen = (where: string) =>
      log({ level: "info", message: `Listening on ${channels.join(", ")} (${where})` });
    this.#loaded = loaded;
    this.#configuration = configuration;
    this.#log = log;
    if (channels.length === 0) return;
    this.#worker = createWorker(loaded, configuration, { log, counter, warns: true, onListen });
  }

  get inFlight(): string[] {
    return [...this.#site.inFlight, ...this.#worker?.inFlight ?? []];
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    using _stopping = onAbort(signal, () => this.#stop.abort());
    const [served] = await Promise.allSettled([this.#serve()]);
    this.#stop.abort();
    const [worked] = await Promise.allSettled([this.#working]);
    if (this.#mistake) throw this.#mistake;
    throwFirst([worked, served].flatMap((end) => end.status === "rejected" ? [end.reason] : []));
  }

  async #serve(): Promise<void> {
    const { hostname, port, rootPath, allowedOrigins, shutdownTimeout } = this.#configuration;
    let isListening = false;
    const options: ObservedServeOptions = {
      ...{ hostname, port },
      ...rootPath !== undefined && { rootPath },
      ...allowedOrigins !== undefined && { allowedOrigins },
      ...this.#configuration.logsRequests && { onAccess: this.#logAccess },
      signal: this.#stop.signal,
      shutdownTimeout: Math.max(1, shutdownTimeout),
      log: this.#logEntry,
      onStart: (site) => this.#site = site,
      onListen: (address) => {
        isListening = true;
        this.#onListen(address);
      },
    };
    try {
      await serve(this.#application(), options);
    } catch (error) {
      throw isListening ? error : listenError(error, this.#configuration);
    }
  }

  #onListen({ hostname, port }: { readonly hostname: string; readonly port: number }): void {
    const url = `http://${hostInUrl(hostname)}:${port}`;
    this.#log({ level: "info", message: `Listening on ${url} (${this.#loaded.where})` });
    if (!this.#worker) return;
    this.#working = this.#worker.run({ signal: this.#stop.signal });
    this.#working.catch(() => this.#stop.abort());
  }

  /** Returns the app. Its lifespan ends after the worker, whose handlers may need what it closes. */
  #application(): AnyApplication {
    const { application } = this.#loaded;
    const site: AnyApplication = (scope, receive, send) =>
      scope.type === "lifespan"
        ? this.#runLifespan(scope, receive, send)
        : application(scope, receive, send);
    return withHooks(site, { fetch: fetchOf(application) });
  }

  async #runLifespan(...[scope, receive, send]: Parameters<AnyApplication>): Promise<void> {
    const afterWorker = async () => {
      const event = await receive();
      if (event.type === "lifespan.shutdown") await this.#working?.catch(() => {});
      return event;
    };
    try {
      await this.#loaded.application(scope, afterWorker as AnyReceive, send);
    } catch (error) {
      this.#mistake = findMistake(error);
      if (this.#mistake) this.#stop.abort();
      throw error;
    }
  }

  readonly #logEntry = ({ path, ...entry }: ServerLogEntry): void =>
    this.#log({ ...entry, ...path !== undefined && requestOf(path) });

  readonly #logAccess = ({ name, status, duration }: Access): void =>
    this.#log({
      level: "debug",
      message: "Responded",
      ...requestOf(name),
      ...{ status, duration: Math.round(duration * 10) / 10 },
    });
}

/** Splits the name of a request, such as `"GET /rooms"`, or a path. */
function requestOf(name: string): Pick<CommandLogEntry, "method" | "path"> {
  const space = name.startsWith("/") ? -1 : name.indexOf(" ");
  return space === -1
    ? { path: name }
    : { method: name.slice(0, space), path: name.slice(space + 1) };
}

/** Returns what is wrong with an app whose router rejects the lifespan, and has no route for a site either. */
function findMistake(error: unknown): UsageError | undefined {
  if (!(error instanceof NoRouteError)) return undefined;
  const { what, known } = error;
  if (what !== "type" || known.includes("http") || known.includes("websocket")) return undefined;
  const routes = `its router knows ${listed(known)}`;
  return new UsageError(`the app has no route for http or websocket: ${routes}; use runworker`);
}

/** Returns the error of a server that cannot listen, for its user. */
function listenError(error: unknown, { hostname, port }: SiteConfiguration): unknown {
  const at = `cannot listen on ${hostInUrl(hostname)}:${port}`;
  const { errors } = Deno;
  if (error instanceof errors.NotCapable) {
    const flag = `--allow-net=${hostname}${port === 0 ? "" : `:${port}`}`;
    return new SystemError(`${at}: Deno was not given the permission: run it again with ${flag}`);
  }
  if (error instanceof errors.AddrInUse) {
    return new SystemError(`${at}: the port is in use; use --port`);
  }
  if (error instanceof errors.PermissionDenied) {
    return new SystemError(`${at}: the system does not allow it; use a --port above 1023`);
  }
  const isUnknown = error instanceof URIError || error instanceof errors.AddrNotAvailable ||
    error instanceof Error && /^failed to lookup/.test(error.message);
  if (!isUnknown) return error;
  return new UsageError(`--hostname must be an address of this machine, got ${quotable(hostname)}`);
}

/** Returns a host as a URL has it; `localhost` for all addresses of this machine. */
function hostInUrl(hostname: string): string {
  if (hostname === "0.0.0.0" || hostname === "::") return "localhost";
  return hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
}

/** @throws The most important error, if there is one; timeouts become one. */
function throwFirst(errors: readonly unknown[]): void {
  const other = errors.find((error) => !(error instanceof ShutdownTimeoutError));
  if (other !== undefined) throw other;
  const timeouts = errors.filter((error) => error instanceof ShutdownTimeoutError);
  const [first] = timeouts;
  if (!first) return;
  const interrupted = timeouts.flatMap((error) => error.interrupted);
  // The lifespan has waited for the worker.
  const own = timeouts.length > 1
    ? interrupted.filter((name) => name !== "lifespan.shutdown")
    : interrupted;
  throw new ShutdownTimeoutError({ timeout: first.timeout, interrupted: own });
}

/** Warns of servers that are started until it is disposed of: while the app is loaded. */
export function detectServers(log: Log): Disposable {
  const { serve } = Deno;
  const message = "The app starts a server itself while it is loaded: only do so in " +
    '"if (import.meta.main)"';
  const detect = (...args: Parameters<typeof Deno.serve>) => {
    log({ level: "warn", message });
    return serve(...args);
  };
  Object.assign(Deno, { serve: detect });
  return { [Symbol.dispose]: () => Object.assign(Deno, { serve }) };
}
