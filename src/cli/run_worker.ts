import { LayerUnusableError, ShutdownTimeoutError } from "../errors.ts";
import { closeChannelLayers } from "../layers/mod.ts";
import { knownChannels } from "../protocol/mod.ts";
import { Worker } from "../worker/mod.ts";
import { findAppModule } from "./app_module.ts";
import { chooseLayer, noteLayer } from "./layer_choice.ts";
import { loadApplication } from "./load_application.ts";
import { guardAgainstStrays } from "./guard.ts";
import { type Log, openLog } from "./log.ts";
import { checkChannel, numberOption, type Options, readOptions } from "./options.ts";
import { summaryOf } from "./summary.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** What `runworker --help` says. */
export const RUN_WORKER_HELP =
  `Runs a worker: it handles the events of the channels it is given, and of no others.

Usage: runworker CHANNEL... [options]

  --app MODULE                 the module that exports the application
                               (else CHANNELS_APP, "channels.app" in deno.json, ./app.ts)
  --layer URL|ALIAS            where the events come from: sqlite:PATH, redis://HOST, or an alias
                               (else CHANNEL_LAYER_URL, the app's own, sqlite:.channels.sqlite3)
  -c, --concurrency N          instances of the application for each channel (1)
  --burst                      leave once the channels are empty and the handlers idle
  --shutdown-timeout SECONDS   how long handlers may go on after the first signal (25)
  --log-format text|json       how the log is written, on standard error (text)
  -q, --quiet                  log warnings and errors only
  -v, --verbose                log each batch of events as well
  --help                       show this

SIGTERM or SIGINT: takes no more, hands back what was not started, lets handlers finish, leaves
with 0. A second signal leaves at once, with 1.

Example: runworker thumbnails-generate thumbnails-delete --layer redis://127.0.0.1:6379`;

const NAMES = {
  values: ["app", "layer", "concurrency", "shutdown-timeout", "log-format"],
  switches: ["burst", "quiet", "verbose", "help"],
  short: { c: "concurrency", q: "quiet", v: "verbose", h: "help" },
};

/** Runs a worker until it is told to stop. */
export async function runWorker(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const options = readOptions(args, NAMES);
  if (options.has("help")) {
    terminal.print(RUN_WORKER_HELP);
    return ExitCode.ok;
  }
  const channels = options.positionals;
  if (channels.length === 0) throw new UsageError("runworker needs the name of a channel");
  channels.forEach(checkSharedChannel);
  using opened = openLog(options, terminal);
  const { log, flush } = opened;
  const tuning = readTuning(options);
  noteLayer(options.value("layer"));
  using _guard = guardAgainstStrays(log);
  try {
    return await work(channels, { options, tuning, log, flush, terminal });
  } finally {
    await Promise.race([closeLayers(log), whenAborted(terminal.kill)]);
    noteLayer(undefined);
  }
}

async function closeLayers(log: Log): Promise<void> {
  try {
    await closeChannelLayers();
  } catch (error) {
    log({ level: "error", message: "The layer could not be closed", error });
  }
}

/** @throws {UsageError} When no other process could send to it. */
function checkSharedChannel(channel: string): void {
  checkChannel(channel);
  if (!channel.includes("!")) return;
  throw new UsageError(
    `${channel} is a process-local channel: only its own process can listen to it`,
  );
}

interface Tuning {
  readonly concurrency: number;
  readonly shutdownTimeout: number;
  readonly burst: boolean;
}

function readTuning(options: Options): Tuning {
  const seconds = numberOption(options, "shutdown-timeout", {
    least: 0,
    otherwise: 25,
    whole: false,
  });
  return {
    concurrency: numberOption(options, "concurrency", { least: 1, otherwise: 1, whole: true }),
    shutdownTimeout: seconds * 1000,
    burst: options.has("burst"),
  };
}

async function work(
  channels: readonly string[],
  { options, tuning, log, flush, terminal }: {
    readonly options: Options;
    readonly tuning: Tuning;
    readonly log: Log;
    readonly flush: () => void;
    readonly terminal: Terminal;
  },
): Promise<ExitCode> {
  const app = findAppModule(options.value("app"));
  // A wrong URL needn't wait for the app to be loaded; an alias may be the app's own.
  const application = await loadApplication(app);
  const layer = chooseLayer(options.value("layer"));
  warnOfUnknown(channels, knownChannels(application), log);
  const onListening = () =>
    log({
      level: "info",
      message: `Listening on ${channels.join(", ")} (layer ${layer}, app ${app.name})`,
    });
  const worker = new Worker({ application, layer, channels, log, onListening, ...tuning });
  const announceStop = () =>
    log({
      level: "info",
      message: `Stopping: handlers have ${tuning.shutdownTimeout / 1000} s; ` +
        "a second signal leaves at once",
    });
  terminal.stop.addEventListener("abort", announceStop, { once: true });
  const code = await runToEnd(worker, log, terminal);
  flush();
  log({ level: "info", message: `Stopped: ${summaryOf(worker.counts)}` });
  return code;
}

async function runToEnd(worker: Worker, log: Log, terminal: Terminal): Promise<ExitCode> {
  try {
    const run = worker.run({ signal: terminal.stop });
    await Promise.race([run, whenAborted(terminal.kill)]);
    if (!terminal.kill.aborted) return ExitCode.ok;
    const cutOff = worker.inHand.join(", ") || "nothing";
    log({ level: "error", message: `Left at the second signal, and cut off ${cutOff}` });
  } catch (error) {
    if (!(error instanceof ShutdownTimeoutError || error instanceof LayerUnusableError)) {
      throw error;
    }
    log({ level: "error", message: error.message });
  }
  return ExitCode.failed;
}

function warnOfUnknown(
  channels: readonly string[],
  known: readonly string[] | undefined,
  log: Log,
): void {
  for (const channel of channels) {
    if (!known || known.includes(channel)) continue;
    const message = `The app has no route for channel ${channel}: its events will fail; ` +
      `known are ${known.join(", ")}`;
    log({ level: "warn", message });
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
