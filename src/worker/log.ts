import { NoHandlerError, NoRouteError } from "../errors.ts";
import type { Message } from "../protocol/mod.ts";
import type { Counter, DropReason } from "./counts.ts";

/** One line of a worker's log. */
export interface LogEntry {
  /** How much it matters. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** What happened, in words. */
  readonly message: string;
  /** The channel that it is about. */
  readonly channel?: string;
  /** The type of the event that it is about. */
  readonly type?: string;
  /** What was thrown. */
  readonly error?: unknown;
}

/** Which event a failure is about. */
export interface FailedEvent {
  /** The channel it came from. */
  readonly channel: string;
  /** Its type; `undefined` when the application failed while it had no event in hand. */
  readonly type: string | undefined;
}

/** Tells the outside of the worker what happens in it, and counts. */
export class WorkerLog {
  readonly #log: (entry: LogEntry) => void;
  readonly #onError: (error: unknown, event: FailedEvent) => void;
  readonly counts: Counter;
  #isLost = false;

  constructor(
    log: (entry: LogEntry) => void,
    onError: (error: unknown, event: FailedEvent) => void,
    counts: Counter,
  ) {
    this.counts = counts;
    this.#log = (entry) => {
      try {
        log(entry);
      } catch {
        // There is nowhere left to say so, and the work goes on.
      }
    };
    this.#onError = onError;
  }

  /** An application failed, with an event in hand or without. */
  failed(channel: string, event: Message | undefined, error: unknown): void {
    const type = event?.type;
    const about = type === undefined ? { channel } : { channel, type };
    if (event && isUnanswerable(error)) {
      this.counts.droppedBy.unknown++;
      this.#log({ level: "warn", message: `Dropped an event: ${error.message}`, ...about });
    } else {
      if (event) this.counts.failed++;
      const message = event ? "Handler failed" : "Application failed without an event in hand";
      this.#log({ level: "error", message, ...about, error });
    }
    this.#tellError(error, { channel, type });
  }

  #tellError(error: unknown, event: FailedEvent): void {
    const complain = (error: unknown) =>
      this.#log({ level: "error", message: "onError itself failed", error });
    try {
      // It may be an async function, whatever its type says.
      const result: unknown = this.#onError(error, event);
      if (result instanceof Promise) result.catch(complain);
    } catch (error) {
      complain(error);
    }
  }

  /** An event was never given to a handler. */
  dropped(channel: string, reason: DropReason, explanation: string): undefined {
    this.counts.droppedBy[reason]++;
    this.#log({ level: "warn", message: `Dropped an event: ${explanation}`, channel });
  }

  /** Events were taken over from the layer. */
  took(channel: string, count: number): void {
    this.counts.received += count;
    this.#log({ level: "debug", message: `Took ${count} events`, channel });
  }

  /** The layer can't take them back now: they stay with the worker. */
  keeps(channel: string, count: number): void {
    this.#log({ level: "debug", message: `Keeping ${count} events`, channel });
  }

  /** The layer has taken them back. */
  requeued(channel: string, count: number): void {
    this.counts.requeued += count;
    this.#log({ level: "debug", message: `Handed back ${count} events`, channel });
  }

  /** The layer can't be reached; said once for all channels. */
  lost(error: Error): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.counts.outages++;
    this.#log({ level: "error", message: `${error.message}; trying again until it is back` });
  }

  /** The layer has answered. */
  reached(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#log({ level: "info", message: "The layer is back" });
  }

  /** What was taken may not have been put back, and can't be handled here: others may have it. */
  lostEvents(channel: string, count: number, error: unknown): void {
    this.counts.lost += count;
    const message = `${count} events that were not started could not be handed back, and are lost`;
    this.#log({ level: "error", message, channel, error });
  }
}

/** Nobody's code went wrong: there is none for such an event, and no stack would say more. */
function isUnanswerable(error: unknown): error is NoHandlerError | NoRouteError {
  return error instanceof NoHandlerError || error instanceof NoRouteError;
}
