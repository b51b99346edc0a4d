import { Counter } from "../worker/internal.ts";
import type { WorkerCounts } from "../worker/mod.ts";
import { type LoggedCommand, runLogged } from "./host.ts";
import { type Log, readLogStyle } from "./log.ts";
import { checkChannel, numberOption, type Options } from "./options.ts";
import { type ExitCode, type Terminal, UsageError } from "./terminal.ts";
import { ThreadGroup } from "./threads/thread_group.ts";
import { work, type WorkerConfiguration } from "./work.ts";

/** The text of `runworker --help`. */
export const RUN_WORKER_HELP =
  `Runs a worker that handles the events of each CHANNEL, and of no other channel.

Usage: runworker CHANNEL... [options]

  --app MODULE                 the module that exports the application
                               (default: CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --layer URL|ALIAS            the layer to receive from: sqlite:PATH, redis://HOST, or an alias
                               (default: CHANNEL_LAYER_URL, the app's, sqlite:.channels.sqlite3)
  -c, --concurrency N          application instances for each channel (default: 1)
  --threads N|auto             threads that run the application, each with its own connections;
                               auto is one for each core (default: 1)
  --burst                      exit when the channels are empty and no handler runs
  --shutdown-timeout SECONDS   time that running handlers have after the first signal (default: 25)
  --log-format text|json       format of the log, on standard error (default: text)
  -q, --quiet                  log only warnings and errors
  -v, --verbose                also log each batch of events
  -h, --help                   show this help
  -V, --version                show the version

SIGTERM or SIGINT: stops fetching, requeues unstarted events, waits for running handlers, and exits
with 0. A second signal, more than one second later, exits immediately with 1.

Exit status: 0 if it was stopped or the burst is over, 1 if it failed or handlers were interrupted,
2 if the command line, the app or the layer's URL is invalid.

Example: runworker thumbnails-generate thumbnails-delete --layer redis://127.0.0.1:6379`;

/** The options of `runworker`. */
export const RUN_WORKER_OPTIONS = {
  values: ["app", "layer", "concurrency", "threads", "shutdown-timeout", "log-format"],
  switches: ["burst", "quiet", "verbose"],
  short: { c: "concurrency", q: "quiet", v: "verbose" },
};

/** Runs a worker until it is stopped, in this thread or in several. */
export async function runWorker(options: Options, terminal: Terminal): Promise<ExitCode> {
  const style = readLogStyle(options);
  const configuration = readConfiguration(options);
  const threads = readThreads(options);
  const create = (log: Log): LoggedCommand => {
    const group = threads === 1
      ? thisThread(configuration, log, terminal)
      : new ThreadGroup({ order: configuration, threads, style, log, terminal });
    return {
      run: () => group.run(),
      get summary() {
        return `Stopped: ${summaryOf(group.counts)}`;
      },
    };
  };
  const stopping = `handlers have ${configuration.shutdownTimeout / 1000} s`;
  return await runLogged(create, { style, terminal, stopping });
}

/** Returns a worker in this thread, with the methods of a {@linkcode ThreadGroup}. */
function thisThread(
  configuration: WorkerConfiguration,
  log: Log,
  { stop, kill }: Terminal,
): Pick<ThreadGroup, "run" | "counts"> {
  const counter = new Counter();
  const onListen = (where: string) =>
    log({ level: "info", message: `Listening on ${configuration.channels.join(", ")} (${where})` });
  return {
    run: () => work(configuration, { log, stop, kill, counter, warns: true, onListen }),
    get counts() {
      return counter.snapshot;
    },
  };
}

function readConfiguration(options: Options): WorkerConfiguration {
  const channels = options.positionals;
  if (channels.length === 0) throw new UsageError("runworker needs the name of a channel");
  channels.forEach(checkSharedChannel);
  return {
    channels,
    app: options.value("app"),
    layer: options.value("layer"),
    ...readWorkerLimits(options),
    burst: options.has("burst"),
  };
}

/** Returns the concurrency and the shutdown timeout that the options have. */
export function readWorkerLimits(
  options: Options,
): Pick<WorkerConfiguration, "concurrency" | "shutdownTimeout"> {
  const seconds = { kind: "number of seconds from 0 to 1000000", otherwise: 25 } as const;
  return {
    concurrency: numberOption(options, "concurrency", { kind: "positive integer", otherwise: 1 }),
    shutdownTimeout: numberOption(options, "shutdown-timeout", seconds) * 1000,
  };
}

function readThreads(options: Options): number {
  if (options.value("threads") === "auto") return navigator.hardwareConcurrency;
  return numberOption(options, "threads", { kind: "positive integer", otherwise: 1 });
}

/** @throws {UsageError} If the name is invalid, or no other process can send to the channel. */
export function checkSharedChannel(channel: string): void {
  checkChannel(channel);
  if (!channel.includes("!")) return;
  throw new UsageError(
    `${channel} is a process-local channel: only the process that created it can receive from it`,
  );
}

/** Returns the counts of a worker as one line: the first four always, the others if they are not 0. */
export function summaryOf(counts: WorkerCounts): string {
  const { received, handled, failed, dropped, requeued, lost, outages } = counts;
  const parts = [
    `${received} received`,
    `${handled} handled`,
    `${failed} failed`,
    `${dropped} dropped${reasons(counts)}`,
  ];
  if (requeued > 0) parts.push(`${requeued} requeued`);
  if (lost > 0) parts.push(`${lost} lost`);
  if (outages > 0) parts.push(`${outages} layer ${outages === 1 ? "outage" : "outages"}`);
  return parts.join(", ");
}

function reasons({ droppedBy }: WorkerCounts): string {
  const named = Object.entries(droppedBy)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return named.length === 0 ? "" : ` (${named.join(", ")})`;
}
