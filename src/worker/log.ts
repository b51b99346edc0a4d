import {
  InvalidEventError,
  type LayerUnavailableError,
  NoHandlerError,
  NoRouteError,
} from "../errors/mod.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import type { Message } from "../protocol/mod.ts";
import type { Counter, DropReason } from "./counts.ts";

/** One entry of a worker's log. */
export interface LogEntry {
  /** The severity. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** What happened. */
  readonly message: string;
  /** The channel that the entry is about, if it is about one. */
  readonly channel?: string;
  /** The type of the event that the entry is about, if it is about one. */
  readonly type?: string;
  /** What was thrown: any value, even `undefined`. Absent if nothing was thrown. */
  readonly error?: unknown;
}

/** The event that a worker's application was handling when it threw an error. */
export interface FailedEvent {
  /** The channel that the event was sent to. */
  readonly channel: string;
  /** The type of the event; `undefined` if the application threw while no event was in flight. */
  readonly type: string | undefined;
}

/** An event that a worker dropped without handling it. */
export interface DroppedEvent {
  /** The channel that the event was sent to. */
  readonly channel: string;
  /** Why it was dropped. */
  readonly reason: DropReason;
  /** The reason as a sentence. */
  readonly message: string;
  /** The event, if it could be decoded. */
  readonly event?: Message | undefined;
}

/** What a worker calls. */
export interface WorkerCallbacks {
  readonly log?: (entry: LogEntry) => void;
  readonly onError?: (error: unknown, event: FailedEvent) => void;
  readonly onDrop?: (drop: DroppedEvent) => void;
}

/** Counts and logs the events of a worker. */
export class WorkerLog {
  readonly #log: (entry: LogEntry) => void;
  readonly #options: WorkerCallbacks;
  readonly counter: Counter;
  #hasConnected = false;
  /** When the layer became unavailable. */
  #disconnectedAt: number | undefined;

  constructor(options: WorkerCallbacks, counter: Counter) {
    this.counter = counter;
    this.#log = (entry) => {
      try {
        options.log?.(entry);
      } catch {
        // A log that fails cannot be reported anywhere, and must not stop the worker.
      }
    };
    this.#options = options;
  }

  /** Logs that the application threw an error, while it handled an event or while it had none. */
  failed(channel: string, event: Message | undefined, error: unknown): void {
    const type = event?.type;
    const about = type === undefined ? { channel } : { channel, type };
    const reason = event && dropReason(error);
    if (reason) {
      const { message } = error as Error;
      this.#drop({ channel, reason, message, event }, about);
    } else {
      if (event) this.counter.failed++;
      const message = event ? "Handler failed" : "Application failed without an event in flight";
      this.#log({ level: "error", message, ...about, error });
    }
    this.#call("onError", () => this.#options.onError?.(error, { channel, type }));
  }

  /** Calls a function of the user, whose failure is logged. */
  #call(name: string, callback: () => unknown): void {
    const logFailure = (error: unknown) =>
      this.#log({ level: "error", message: `${name} failed`, error });
    try {
      // It may be an async function, in spite of its type.
      const result = callback();
      if (result instanceof Promise) result.catch(logFailure);
    } catch (error) {
      logFailure(error);
    }
  }

  /** Logs that an event was dropped without being handled. */
  dropped(drop: DroppedEvent): undefined {
    this.#drop(drop, { channel: drop.channel });
  }

  #drop(drop: DroppedEvent, about: Pick<LogEntry, "channel" | "type">): void {
    this.counter.droppedBy[drop.reason]++;
    this.#log({ level: "warn", message: `Dropped an event: ${drop.message}`, ...about });
    this.#call("onDrop", () => this.#options.onDrop?.(drop));
  }

  /** Logs that events were fetched from the layer. */
  fetched(channel: string, count: number): void {
    this.counter.received += count;
    this.#log({ level: "debug", message: `Fetched ${events(count)}`, channel });
  }

  /** Logs that the layer rejected a requeue: the worker keeps the events. */
  kept(channel: string, count: number): void {
    const message = `Cannot requeue ${events(count)} now; keeping them`;
    this.#log({ level: "debug", message, channel });
  }

  /** Logs that events were requeued. */
  requeued(channel: string, count: number): void {
    this.counter.requeued += count;
    this.#log({ level: "debug", message: `Requeued ${events(count)}`, channel });
  }

  /** Logs that the layer is unavailable: one entry an outage, for all channels. */
  disconnected({ layer, reason }: LayerUnavailableError): void {
    if (this.#disconnectedAt !== undefined) return;
    this.#disconnectedAt = performance.now();
    this.counter.outages++;
    const what = this.#hasConnected ? "Lost connection" : "Cannot connect";
    this.#log({ level: "error", message: `${what} to ${layer} (${reason}); retrying` });
  }

  /** Logs that the layer is available again, after an outage. */
  connected(layer: ChannelLayer): void {
    const what = this.#hasConnected ? "Reconnected" : "Connected";
    this.#hasConnected = true;
    if (this.#disconnectedAt === undefined) return;
    const seconds = ((performance.now() - this.#disconnectedAt) / 1_000).toFixed(1);
    this.#disconnectedAt = undefined;
    this.#log({ level: "info", message: `${what} to ${layer.url} after ${seconds} s` });
  }

  /** Logs that events are lost: other workers may have them, or they cannot be handled any more. */
  lost(channel: string, count: number, error: unknown): void {
    this.counter.lost += count;
    const message = `Lost ${events(count, "unstarted ")}: the requeue failed`;
    this.#log({ level: "error", message, channel, error });
  }
}

function events(count: number, which = ""): string {
  return `${count} ${which}${count === 1 ? "event" : "events"}`;
}

/** Returns why the application does not handle an event, if it says so: a stack would not help. */
function dropReason(error: unknown): DropReason | undefined {
  if (error instanceof NoHandlerError || error instanceof NoRouteError) return "unknown";
  return error instanceof InvalidEventError ? "invalid" : undefined;
}
