import {
  type Application,
  type ChannelScope,
  type FailedEvent,
  type LogEntry,
  Worker,
  type WorkerOptions,
} from "@asgi/channels";
import { within } from "../testing/within.ts";

/** What a worker has told about itself. */
export interface Told {
  readonly log: LogEntry[];
  readonly errors: { readonly error: unknown; readonly event: FailedEvent }[];
}

/** A worker that listens, until it is stopped. */
export interface StartedWorker extends Told, AsyncDisposable {
  readonly worker: Worker;
  /** Its `run()`. */
  readonly ended: Promise<void>;
  /** Tells it to stop, and waits until it is drained. */
  stop(): Promise<void>;
}

/** What to test it with; the log and the errors are kept. */
export type TestedOptions = Omit<WorkerOptions, "onListen">;

/** Starts a worker, and waits until it listens. */
export async function startWorker(options: TestedOptions): Promise<StartedWorker> {
  const started = startWithoutWaiting(options);
  await within(Promise.race([started.listening, started.ended]), "the worker to listen");
  return started;
}

/** Starts a worker whose layer may not answer yet. */
export function startWithoutWaiting(
  options: TestedOptions,
): StartedWorker & { readonly listening: Promise<void> } {
  const listening = Promise.withResolvers<void>();
  const { worker, log, errors } = makeWorker(options, () => listening.resolve());
  const control = new AbortController();
  const ended = worker.run({ signal: control.signal });
  // Whoever stops it is told.
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
export async function runBurst(options: TestedOptions): Promise<Told & { worker: Worker }> {
  const made = makeWorker({ ...options, burst: true }, () => {});
  await within(made.worker.run(), "the end of the burst");
  return made;
}

function makeWorker(options: TestedOptions, onListen: () => void): Told & { worker: Worker } {
  const told: Told = { log: [], errors: [] };
  const worker = new Worker({
    ...options,
    onListen,
    log: (entry) => {
      told.log.push(entry);
      options.log?.(entry);
    },
    onError: (error, event) => {
      told.errors.push({ error, event });
      return options.onError?.(error, event);
    },
  });
  return { worker, ...told };
}

/** The lines of one level. */
export function linesOf(told: Told, level: LogEntry["level"]): string[] {
  return told.log.filter((entry) => entry.level === level).map(({ message }) => message);
}

/** What has become of the events that a worker received. */
export function outcome(worker: Worker): Record<string, number> {
  const { received, handled, failed, dropped } = worker.counts;
  return { received, handled, failed, dropped };
}

/** An application that takes events, and does nothing. */
export const idle: Application<ChannelScope> = async (_scope, receive) => {
  for (;;) await receive();
};
