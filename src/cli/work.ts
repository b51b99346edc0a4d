import { knownChannels } from "../protocol/internal.ts";
import type { CountedWorkerOptions, Counter } from "../worker/internal.ts";
import { Worker } from "../worker/mod.ts";
import { host, type HostConfiguration, type HostContext, type Loaded } from "./host.ts";
import type { Log } from "./log.ts";
import type { ExitCode } from "./terminal.ts";

/** The configuration of a worker, from the command line. */
export interface WorkerConfiguration extends HostConfiguration {
  readonly channels: readonly string[];
  readonly concurrency: number;
  /** In milliseconds. */
  readonly shutdownTimeout: number;
  readonly burst: boolean;
}

/** The environment of a worker: its process, or its thread. */
export interface WorkContext extends HostContext {
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
export function work(configuration: WorkerConfiguration, context: WorkContext): Promise<ExitCode> {
  return host((loaded) => createWorker(loaded, configuration, context), configuration, context);
}

/** Creates a worker that runs the app on the layer. */
export function createWorker(
  { application, layer, where }: Loaded,
  { channels, concurrency, shutdownTimeout, burst }: Omit<WorkerConfiguration, "app" | "layer">,
  { log, counter, warns, onListen }: Omit<WorkContext, "stop" | "kill">,
): Worker {
  if (warns) warnOfMissingRoutes(channels, knownChannels(application), log);
  const options: CountedWorkerOptions = {
    ...{ application, layer, channels, concurrency, shutdownTimeout, burst, log, counter },
    onListen: () => onListen(where),
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
