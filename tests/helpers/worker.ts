import {
  type ChannelLayer,
  type FailedEvent,
  type LogEntry,
  Worker,
  type WorkerOptions,
} from "@asgi/channels";
import { within } from "./waiting.ts";
import type { Tally } from "./events.ts";

/** The log and the errors of a worker. */
export interface WorkerOutput {
  readonly log: LogEntry[];
  readonly errors: { readonly error: unknown; readonly event: FailedEvent }[];
}

/** A worker in this process, which listens until it is stopped. */
export interface StartedWorker extends WorkerOutput, AsyncDisposable {
  readonly worker: Worker;
  /** Settles with its `run()`. */
  readonly ended: Promise<void>;
  /** Stops it, and waits until it is drained. */
  stop(): Promise<void>;
}

/** Options of a worker under test, whose log and errors are collected. */
export type TestedOptions = Omit<WorkerOptions, "onListen">;

/** Starts a worker, and waits until it listens. */
export async function startWorker(options: TestedOptions): Promise<StartedWorker> {
  const started = startWithoutWaiting(options);
  await within(Promise.race([started.listening, started.ended]), "the worker to listen");
  return started;
}

/** Starts a worker whose layer may not be reachable yet. */
export function startWithoutWaiting(
  options: TestedOptions,
): StartedWorker & { readonly listening: Promise<void> } {
  const listening = Promise.withResolvers<void>();
  const { worker, log, errors } = createWorker(options, () => listening.resolve());
  const control = new AbortController();
  const ended = worker.run({ signal: control.signal });
  // `stop()` rejects with the error.
  ended.catch(() => {});
  const stop = () => {
    control.abort();
    return within(ended, "the worker to stop");
  };
  return {
    worker,
    log,
    errors,
    ended,
    listening: listening.promise,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Runs a worker until its channels are empty. */
export async function runBurst(options: TestedOptions): Promise<WorkerOutput & { worker: Worker }> {
  const created = createWorker({ ...options, burst: true }, () => {});
  await within(created.worker.run(), "the end of the burst");
  return created;
}

function createWorker(
  options: TestedOptions,
  onListen: () => void,
): WorkerOutput & { worker: Worker } {
  const output: WorkerOutput = { log: [], errors: [] };
  const worker = new Worker({
    ...options,
    onListen,
    log: (entry) => {
      output.log.push(entry);
      options.log?.(entry);
    },
    onError: (error, event) => {
      output.errors.push({ error, event });
      return options.onError?.(error, event);
    },
  });
  return { worker, ...output };
}

/** Returns the log messages of one level. */
export function linesOf(output: WorkerOutput, level: LogEntry["level"]): string[] {
  return output.log.filter((entry) => entry.level === level).map(({ message }) => message);
}

/** Returns the counts of received, handled, failed and dropped events. */
export function outcome(worker: Worker): Record<string, number> {
  const { received, handled, failed, dropped } = worker.counts;
  return { received, handled, failed, dropped };
}

/** Sends 50 events, each after the one before was handled: then the worker prefetches several. */
export async function warmUp(layer: ChannelLayer, seen: Tally): Promise<void> {
  for (let count = 1; count <= 50; count++) {
    await layer.send("letters", { type: "quick" });
    await seen.reach(count);
  }
}
