import type { ServerOptions } from "../server/mod.ts";
import { toFetchHandler } from "../server/mod.ts";
import { Counter } from "../worker/internal.ts";
import { host, type LoggedCommand, runLogged } from "./host.ts";
import { type Log, readLogStyle } from "./log.ts";
import { numberOption, type Options, quotable } from "./options.ts";
import { checkSharedChannel, readWorkerLimits, summaryOf } from "./run_worker.ts";
import { detectServers, type SiteConfiguration, SiteService } from "./site_service.ts";
import { type ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** The text of `serve --help`. */
export const SERVE_HELP = `Serves the app over HTTP, WebSockets included.

Usage: serve [options]

  --app MODULE                 the module that exports the application
                               (default: CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --layer URL|ALIAS            the default layer: memory:, sqlite:PATH, redis://HOST, or an alias
                               (default: CHANNEL_LAYER_URL, the app's, sqlite:.channels.sqlite3)
  --hostname HOST              the address to listen on (default: 0.0.0.0)
  --port N                     the port to listen on; 0 is any free one (default: 8000)
  --root-path PATH             the path that the app is mounted at, such as /app (default: none)
  --allowed-origins ORIGIN...  the origins of pages that may open WebSockets, such as
                               https://example.com; "*" is all (default: the host of the request)
  --work CHANNEL...            also run a worker that handles the events of each CHANNEL
  -c, --concurrency N          application instances for each channel (default: 1)
  --shutdown-timeout SECONDS   time that running requests and handlers have after the first signal
                               (default: 25)
  --log-format text|json       format of the log, on standard error (default: text)
  -q, --quiet                  log only warnings and errors
  -v, --verbose                also log each request, and each batch of events
  -h, --help                   show this help
  -V, --version                show the version

SIGTERM or SIGINT: responds to new requests with 503, closes WebSockets with 1012, waits for running
requests, and exits with 0; the worker stops at the same time, as runworker does. A second signal, more
than one second later, exits immediately with 1.

Exit status: 0 if it was stopped, 1 if it failed or requests or handlers were interrupted, 2 if the
command line, the app or the layer's URL is invalid.

Example: serve --app site.ts --port 8000 --work thumbnails-generate`;

/** The options of `serve`. */
export const SERVE_OPTIONS = {
  values: [
    ...["app", "layer", "hostname", "port", "root-path", "concurrency", "shutdown-timeout"],
    "log-format",
  ],
  lists: ["allowed-origins", "work"],
  switches: ["quiet", "verbose"],
  short: { c: "concurrency", q: "quiet", v: "verbose" },
};

/** Runs a server until it is stopped. */
export async function serveApp(options: Options, terminal: Terminal): Promise<ExitCode> {
  const style = readLogStyle(options);
  const configuration = readConfiguration(options);
  const create = (log: Log) => createCommand(configuration, log, terminal);
  const stopping = `requests ${configuration.channels.length > 0 ? "and handlers " : ""}have ` +
    `${configuration.shutdownTimeout / 1000} s`;
  return await runLogged(create, { style, terminal, stopping });
}

function createCommand(
  configuration: SiteConfiguration,
  log: Log,
  { stop, kill }: Terminal,
): LoggedCommand {
  const counter = new Counter();
  const hasWorker = configuration.channels.length > 0;
  return {
    async run() {
      using detector = detectServers(log);
      return await host(
        (loaded) => {
          detector[Symbol.dispose]();
          return new SiteService(loaded, configuration, { log, counter });
        },
        configuration,
        { log, stop, kill },
      );
    },
    get summary() {
      return hasWorker ? `Stopped: ${summaryOf(counter.snapshot)}` : "Stopped";
    },
  };
}

function readConfiguration(options: Options): SiteConfiguration {
  const [extra] = options.positionals;
  if (extra !== undefined) {
    throw new UsageError(`unexpected argument ${quotable(extra)}: use --app to name the app`);
  }
  const channels = options.list("work") ?? [];
  channels.forEach(checkSharedChannel);
  if (channels.length === 0 && options.value("concurrency") !== undefined) {
    throw new UsageError("--concurrency is for the worker: use --work to name its channels");
  }
  return {
    channels,
    app: options.value("app"),
    layer: options.value("layer"),
    allowsMemory: true,
    hostname: options.value("hostname") ?? "0.0.0.0",
    port: numberOption(options, "port", { kind: "port from 0 to 65535", otherwise: 8000 }),
    ...readServerOptions(options),
    ...readWorkerLimits(options),
    burst: false,
    logsRequests: options.has("verbose"),
  };
}

function readServerOptions(
  options: Options,
): Pick<ServerOptions, "rootPath" | "allowedOrigins"> {
  const rootPath = options.value("root-path");
  const origins = options.list("allowed-origins");
  if (rootPath !== undefined) {
    const rule = "start with a slash and not end with one";
    checkServerOptions({ rootPath }, `--root-path must ${rule}, got ${quotable(rootPath)}`);
  }
  const allowedOrigins = origins?.join() === "*" ? "*" : origins;
  for (const origin of allowedOrigins === "*" ? [] : allowedOrigins ?? []) {
    const shown = origin.includes("@") ? "a URL with a user" : origin;
    const problem = `--allowed-origins must be "*" or origins such as https://example.com`;
    checkServerOptions({ allowedOrigins: [origin] }, `${problem}, got ${shown}`);
  }
  return { ...rootPath !== undefined && { rootPath }, ...allowedOrigins && { allowedOrigins } };
}

/** @throws {UsageError} If the server rejects its options. */
function checkServerOptions(options: ServerOptions, problem: string): void {
  try {
    toFetchHandler(() => Promise.resolve(), options);
  } catch {
    throw new UsageError(problem);
  }
}
