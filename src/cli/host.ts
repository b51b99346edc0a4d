import { abortable, onAbort, untilAborted } from "../async.ts";
import { ConsumerConfigurationError, ShutdownTimeoutError } from "../errors/mod.ts";
import { LayerConfigurationError, LifespanError } from "../errors/mod.ts";
import { redirectWarnings } from "../layers/internal.ts";
import { type ChannelLayer, closeChannelLayers } from "../layers/mod.ts";
import { listed } from "../printable.ts";
import type { AnyApplication } from "../protocol/mod.ts";
import { findAppModule, inOneLine, loadApplication } from "./app.ts";
import { getLayer, type LayerRules, overrideLayer } from "./layer.ts";
import { type Log, type LogStyle, openLog } from "./log.ts";
import { ExitCode, type Terminal, UsageError } from "./terminal.ts";

/** A command that writes a log until it ends. */
export interface LoggedCommand {
  /** Runs the command to its end. */
  run(): Promise<ExitCode>;
  /** The last line of the log. */
  readonly summary: string;
}

/**
 * Runs a command with a log, which reports its stop and its end.
 *
 * @param create Creates the command.
 * @param stopping What has how much time after the first signal, for the log.
 */
export async function runLogged(
  create: (log: Log) => LoggedCommand,
  { style, terminal, stopping }: {
    readonly style: LogStyle;
    readonly terminal: Terminal;
    readonly stopping: string;
  },
): Promise<ExitCode> {
  using opened = openLog(style, terminal.printError);
  const { log } = opened;
  const message = `Stopping: ${stopping}; a second signal exits immediately`;
  using _stopping = onAbort(terminal.stop, () => log({ level: "info", message }));
  const command = create(log);
  const code = await command.run().catch((error) => {
    const isLogged = error instanceof LayerConfigurationError || error instanceof LifespanError;
    if (!isLogged) throw error;
    log({ level: "error", message: error.message });
    return ExitCode.failed;
  });
  opened.flush();
  log({ level: "info", message: command.summary });
  return code;
}

/** What a command runs until it is stopped: a worker, or a server. */
export interface Service {
  /** Runs until the signal is aborted, and then shuts down gracefully. */
  run(options: { readonly signal: AbortSignal }): Promise<void>;
  /** What is running now: its names are logged if it is interrupted. */
  readonly inFlight: readonly string[];
}

/** The app and the layer of a service. */
export interface Loaded {
  readonly application: AnyApplication;
  readonly layer: ChannelLayer;
  /** The layer and the app, for the log. */
  readonly where: string;
}

/** The options that select the app and the layer. */
export interface HostConfiguration extends LayerRules {
  /** The value of `--app`. */
  readonly app: string | undefined;
  /** The value of `--layer`. */
  readonly layer: string | undefined;
}

/** The environment of a service: its process, or its thread. */
export interface HostContext {
  readonly log: Log;
  /** Aborted when the service must shut down gracefully. */
  readonly stop: AbortSignal;
  /** Aborted when the service must exit immediately. */
  readonly kill: AbortSignal;
}

/**
 * Loads the app and the layer, and runs a service with them until it ends.
 *
 * @param create Creates the service.
 * @throws {UsageError} If the user can fix what prevents the service from running.
 * @throws {LayerConfigurationError} If the layer cannot be used.
 */
export async function host(
  create: (loaded: Loaded) => Service,
  configuration: HostConfiguration,
  { log, stop, kill }: HostContext,
): Promise<ExitCode> {
  using killed = untilAborted(kill);
  using _guard = logUncaughtErrors(log);
  overrideLayer(configuration.layer);
  redirectWarnings((message) => log({ level: "warn", message }));
  try {
    const loaded = await loadUntil(stop, configuration);
    if (!loaded) return ExitCode.ok;
    const service = create(loaded);
    await Promise.race([service.run({ signal: stop }), killed.promise]);
    if (!kill.aborted) return ExitCode.ok;
    logInterruption(service, log);
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

/** Returns nothing if the service is stopped while the app is loaded, which may take any time. */
async function loadUntil(
  stop: AbortSignal,
  configuration: HostConfiguration,
): Promise<Loaded | undefined> {
  try {
    return await abortable(load(configuration), stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}

async function load(configuration: HostConfiguration): Promise<Loaded> {
  const app = findAppModule(configuration.app);
  // The app is loaded first: the layer may have an alias that the app configures.
  const application = await loadApplication(app);
  const layer = getLayer(configuration.layer, configuration);
  return { application, layer, where: `layer ${layer.url}, app ${app.name}` };
}

function logInterruption({ inFlight }: Service, log: Log): void {
  const interrupted = listed(inFlight) || "nothing";
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

/** Logs errors that the application does not catch: they must not end the process. */
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
