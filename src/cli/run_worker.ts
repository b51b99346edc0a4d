import { LayerConfigurationError } from "../errors.ts";
import { Counter } from "../worker/internal.ts";
import type { WorkerCounts } from "../worker/mod.ts";
import { type Log, type OpenLog, openLog, readLogStyle } from "./log.ts";
import { checkChannel, numberOption, type Options } from "./options.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";
import { ThreadGroup } from "./threads/thread_group.ts";
import { work, type WorkOrder } from "./work.ts";

/** What `runworker --help` says. */
export const RUN_WORKER_HELP =
  `Runs a worker: it handles the events of the channels it is given, and of no others.

Usage: runworker CHANNEL... [options]

  --app MODULE                 the module that exports the application
                               (else CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --layer URL|ALIAS            where the events come from: sqlite:PATH, redis://HOST, or an alias
                               (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  -c, --concurrency N          instances of the application for each channel (1)
  --threads N|auto             threads that run the application, each with a connection of its
                               own (1); auto is one for each core
  --burst                      leave once the channels are empty and the handlers idle
  --shutdown-timeout SECONDS   how long handlers may go on after the first signal (25)
  --log-format text|json       how the log is written, on standard error (text)
  -q, --quiet                  log warnings and errors only
  -v, --verbose                log each batch of events as well
  -h, --help                   show this
  -V, --version                show the version

SIGTERM or SIGINT: stops fetching, requeues unstarted events, lets running handlers finish, and
exits with 0. A second signal, more than one second later, exits immediately with 1.
Exits with 1 if it failed or was interrupted, with 2 for a mistake in the command line.

Example: runworker thumbnails-generate thumbnails-delete --layer redis://127.0.0.1:6379`;

/** The options of `runworker`. */
export const RUN_WORKER_OPTIONS = {
  values: ["app", "layer", "concurrency", "threads", "shutdown-timeout", "log-format"],
  switches: ["burst", "quiet", "verbose"],
  short: { c: "concurrency", q: "quiet", v: "verbose" },
};

/** Runs a worker until it is told to stop. */
export async function runWorker(options: Options, terminal: Terminal): Promise<ExitCode> {
  if (options.has("quiet") && options.has("verbose")) {
    throw new UsageError("--quiet and --verbose exclude each other");
  }
  const style = readLogStyle(options);
  const order = readOrder(options);
  const threads = readThreads(options);
  using opened = openLog(style, terminal.complain);
  const { log } = opened;
  terminal.stop.addEventListener("abort", () => announceStop(order, log), { once: true });
  if (threads === 1) return await workHere(order, opened, terminal);
  const fleet = new ThreadGroup({ order, threads, style, log, terminal });
  return await toTheEnd(() => fleet.counts, opened, () => fleet.run());
}

async function workHere(
  order: WorkOrder,
  opened: OpenLog,
  terminal: Terminal,
): Promise<ExitCode> {
  const { log } = opened;
  const { stop, kill } = terminal;
  const counter = new Counter();
  const onListen = (where: string) =>
    log({ level: "info", message: `Listening on ${order.channels.join(", ")} (${where})` });
  return await toTheEnd(
    () => counter.snapshot,
    opened,
    () => work(order, { log, stop, kill, counter, warns: true, onListen }),
  );
}

/** Says at the end how it went. */
async function toTheEnd(
  counts: () => WorkerCounts,
  { log, flush }: OpenLog,
  run: () => Promise<ExitCode>,
): Promise<ExitCode> {
  const code = await run().catch((error) => {
    if (!(error instanceof LayerConfigurationError)) throw error;
    log({ level: "error", message: error.message });
    return ExitCode.failed;
  });
  flush();
  log({ level: "info", message: `Stopped: ${summaryOf(counts())}` });
  return code;
}

function announceStop({ shutdownTimeout }: WorkOrder, log: Log): void {
  const message = `Stopping: handlers have ${shutdownTimeout / 1000} s; ` +
    "a second signal exits immediately";
  log({ level: "info", message });
}

function readOrder(options: Options): WorkOrder {
  const channels = options.positionals;
  if (channels.length === 0) throw new UsageError("runworker needs the name of a channel");
  channels.forEach(checkSharedChannel);
  const patience = { least: 0, otherwise: 25, whole: false };
  return {
    channels,
    app: options.value("app"),
    layer: options.value("layer"),
    concurrency: numberOption(options, "concurrency", { least: 1, otherwise: 1, whole: true }),
    shutdownTimeout: numberOption(options, "shutdown-timeout", patience) * 1000,
    burst: options.has("burst"),
  };
}

function readThreads(options: Options): number {
  if (options.value("threads") === "auto") return navigator.hardwareConcurrency;
  return numberOption(options, "threads", { least: 1, otherwise: 1, whole: true });
}

/** @throws {UsageError} When no other process could send to it. */
function checkSharedChannel(channel: string): void {
  checkChannel(channel);
  if (!channel.includes("!")) return;
  throw new UsageError(
    `${channel} is a process-local channel: only its own process can listen to it`,
  );
}

/** Says in one line what a worker has done; what didn't happen isn't named, but for the basics. */
export function summaryOf(counts: WorkerCounts): string {
  const { received, handled, failed, dropped, requeued, lost, outages } = counts;
  const parts = [
    `${received} received`,
    `${handled} handled`,
    `${failed} failed`,
    `${dropped} dropped${reasons(counts)}`,
  ];
  if (requeued > 0) parts.push(`${requeued} handed back`);
  if (lost > 0) parts.push(`${lost} lost`);
  if (outages > 0) parts.push(`layer away ${outages === 1 ? "once" : `${outages} times`}`);
  return parts.join(", ");
}

function reasons({ droppedBy }: WorkerCounts): string {
  const named = Object.entries(droppedBy)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  return named.length === 0 ? "" : ` (${named.join(", ")})`;
}
