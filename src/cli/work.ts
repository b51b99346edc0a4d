import { untilAborted } from "../async.ts";
import { ConsumerConfigurationError, ShutdownTimeoutError } from "../errors/mod.ts";
import { redirectWarnings } from "../layers/internal.ts";
import { closeChannelLayers } from "../layers/mod.ts";
import { knownChannels } from "../protocol/internal.ts";
import type { CountedWorkerOptions, Counter } from "../worker/internal.ts";
import { Worker } from "../worker/mod.ts";
import { findAppModule, inOneLine, loadApplication } from "./app.ts";
import { getLayer, overrideLayer } from "./layer.ts";
import type { Log } from "./log.ts";
import { ExitCode, UsageError } from "./terminal.ts";

/** The configuration of a worker, from the command line. */
export interface WorkerConfiguration {
  readonly channels: readonly string[];
  /** The value of `--app`. */
  readonly app: string | undefined;
  /** The value of `--layer`. */
  readonly layer: string | undefined;
  readonly concurrency: number;
  /** In milliseconds. */
  readonly shutdownTimeout: number;
  readonly burst: boolean;
}

/** The environment of a worker: its process, or its thread. */
export interface WorkContext {
  readonly log: Log;
  /** Aborted when the worker must shut down gracefully. */
  readonly stop: AbortSignal;
  /** Aborted when the worker must exit immediately. */
  readonly kill: AbortSignal;
  readonly counter: Counter;
  /** Whether to log warnings about the configuration: one of several threads does. */
  readonly warns: boolean;
  /** Called with the layer and the app when the worker listens. */
  readonly onListen: (where: string) => void;
}

/**
 * Runs a worker in this thread until its signal is aborted or its burst is over.
 *
 * @throws {UsageError} If the user can fix what prevents the worker from running.
 * @throws {LayerConfigurationError} If the layer cannot be used.
 */
export async function work(
  configuration: WorkerConfiguration,
  context: WorkContext,
): Promise<ExitCode> {
  const { log, stop, kill } = context;
  using killed = untilAborted(kill);
  using _guard = logUncaughtErrors(log);
  overrideLayer(configuration.layer);
  redirectWarnings((message) => log({ level: "warn", message }));
  try {
    const worker = await createWorker(configuration, context);
    await Promise.race([worker.run({ signal: stop }), killed.promise]);
    if (!kill.aborted) return ExitCode.ok;
    logInterruption(worker, log);
  } catch (error) {
    if (error instanceof ConsumerConfigurationError) throw usageErrorOf(error);
    if (!(error instanceof ShutdownTimeoutError)) throw error;
    log({ level: "error", message: error.message });
  } finally {
    await Promise.race([closeLayers(log), killed.promise]);
    overrideLayer(undefined);
    redirectWarnings(undefined);
  }
  return ExitCode.failed;
}

async function createWorker(
  { app: module, layer: choice, ...configuration }: WorkerConfiguration,
  { log, counter, warns, onListen }: WorkContext,
): Promise<Worker> {
  const app = findAppModule(module);
  // The app is loaded first: the layer may have an alias that the app configures.
  const application = await loadApplication(app);
  const layer = getLayer(choice);
  if (warns) warnOfMissingRoutes(configuration.channels, knownChannels(application), log);
  const options: CountedWorkerOptions = {
    ...configuration,
    ...{ application, layer, log, counter },
    onListen: () => onListen(`layer ${layer.url}, app ${app.name}`),
  };
  return new Worker(options);
}

function warnOfMissingRoutes(
  channels: readonly string[],
  known: readonly string[] | undefined,
  log: Log,
): void {
  for (const channel of channels) {
    if (!known || known.includes(channel)) continue;
    const message = `The app has no route for channel ${channel}: its events will be dropped; ` +
      `known channels are ${known.join(", ")}`;
    log({ level: "warn", message });
  }
}

function logInterruption({ inFlight }: Worker, log: Log): void {
  const interrupted = inFlight.join(", ") || "nothing";
  log({ level: "error", message: `Exited on the second signal; interrupted: ${interrupted}` });
}

function usageErrorOf({ message, cause }: ConsumerConfigurationError): UsageError {
  return new UsageError(cause === undefined ? message : `${message}: ${inOneLine(cause)}`);
}

async function closeLayers(log: Log): Promise<void> {
  try {
    await closeChannelLayers();
  } catch (error) {
    log({ level: "error", message: "Closing the channel layers failed", error });
  }
}

/** Logs errors that the application does not catch: they must not end the worker. */
function logUncaughtErrors(log: Log): Disposable {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log({ level: "error", message: "Unhandled promise rejection", error: event.reason });
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    log({ level: "error", message: "Uncaught error", error: event.error });
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
