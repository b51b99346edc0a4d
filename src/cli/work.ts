import { ConsumerConfigurationError, ShutdownTimeoutError } from "../errors.ts";
import { redirectWarnings } from "../layers/internal.ts";
import { closeChannelLayers } from "../layers/mod.ts";
import { knownChannels } from "../protocol/internal.ts";
import type { CountedWorkerOptions, Counter } from "../worker/internal.ts";
import { Worker } from "../worker/mod.ts";
import { findAppModule, inOneLine, loadApplication } from "./app.ts";
import { chooseLayer, noteLayer } from "./layer.ts";
import type { Log } from "./log.ts";
import { ExitCode, UsageError } from "./terminal.ts";

/** What a worker is to do, as the command line says. */
export interface WorkOrder {
  readonly channels: readonly string[];
  /** What `--app` says. */
  readonly app: string | undefined;
  /** What `--layer` says. */
  readonly layer: string | undefined;
  readonly concurrency: number;
  /** In milliseconds. */
  readonly shutdownTimeout: number;
  readonly burst: boolean;
}

/** What surrounds the work. */
export interface WorkSurroundings {
  readonly log: Log;
  /** Aborted when it shall come to an end. */
  readonly stop: AbortSignal;
  /** Aborted when it shall end at once. */
  readonly kill: AbortSignal;
  readonly counter: Counter;
  /** Whether to say what looks wrong: one of several threads is enough. */
  readonly warns: boolean;
  /** Called with the layer and the app when the worker listens. */
  readonly onListen: (where: string) => void;
}

/**
 * Runs a worker in this thread until it is told to stop.
 *
 * @throws {UsageError} When the user can mend what prevents it.
 * @throws {LayerConfigurationError} When the layer can't be used.
 */
export async function work(order: WorkOrder, around: WorkSurroundings): Promise<ExitCode> {
  noteLayer(order.layer);
  redirectWarnings((message) => around.log({ level: "warn", message }));
  using _guard = guardAgainstStrays(around.log);
  try {
    return await workOnLayer(order, around);
  } finally {
    await Promise.race([closeLayers(around.log), whenAborted(around.kill)]);
    noteLayer(undefined);
    redirectWarnings(undefined);
  }
}

async function workOnLayer(order: WorkOrder, around: WorkSurroundings): Promise<ExitCode> {
  const { channels, concurrency, shutdownTimeout, burst } = order;
  const { log, counter } = around;
  const app = findAppModule(order.app);
  // A wrong URL needn't wait for the app to be loaded; an alias may be the app's own.
  const application = await loadApplication(app);
  const layer = chooseLayer(order.layer);
  if (around.warns) warnOfUnknown(channels, knownChannels(application), log);
  const onListen = () => around.onListen(`layer ${layer.url}, app ${app.name}`);
  const options: CountedWorkerOptions = {
    ...{ application, layer, channels, log, counter, onListen },
    ...{ concurrency, shutdownTimeout, burst },
  };
  return await runToEnd(new Worker(options), around);
}

async function runToEnd(worker: Worker, around: WorkSurroundings): Promise<ExitCode> {
  const { log, stop, kill } = around;
  try {
    await Promise.race([worker.run({ signal: stop }), whenAborted(kill)]);
    if (!kill.aborted) return ExitCode.ok;
    const interrupted = worker.inFlight.join(", ") || "nothing";
    log({ level: "error", message: `Exited on the second signal; interrupted: ${interrupted}` });
  } catch (error) {
    if (error instanceof ConsumerConfigurationError) throw asMistake(error);
    if (!(error instanceof ShutdownTimeoutError)) throw error;
    log({ level: "error", message: error.message });
  }
  return ExitCode.failed;
}

function asMistake({ message, cause }: ConsumerConfigurationError): UsageError {
  return new UsageError(cause === undefined ? message : `${message}: ${inOneLine(cause)}`);
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

async function closeLayers(log: Log): Promise<void> {
  try {
    await closeChannelLayers();
  } catch (error) {
    log({ level: "error", message: "The layer could not be closed", error });
  }
}

/** Resolves once the signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** What an application leaves floating must not end the worker: it is logged, and it lives on. */
export function guardAgainstStrays(log: Log): Disposable {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log({ level: "error", message: "A promise that nobody awaits failed", error: event.reason });
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    log({ level: "error", message: "An error that nobody catches", error: event.error });
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}
