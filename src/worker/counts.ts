/**
 * What a worker has done since it was created, in events. No count ever decreases: `received` is the
 * sum of `handled`, `failed`, `dropped`, `requeued` and `lost`, and of the events that are in flight
 * or wait for a handler.
 */
export interface WorkerCounts {
  /** Fetched from the layer, including events that were requeued later. */
  readonly received: number;
  /** Handled without an error. */
  readonly handled: number;
  /** Failed: the application threw an error while it handled the event. */
  readonly failed: number;
  /** Dropped without being handled: the sum of `droppedBy`. */
  readonly dropped: number;
  /** The dropped events by reason. */
  readonly droppedBy: DropCounts;
  /** Returned to the layer before a handler started. */
  readonly requeued: number;
  /**
   * Neither handled nor known to be requeued: the outcome of the requeue is unknown, the shutdown
   * timeout elapsed while the layer was unavailable, or a thread of `runworker --threads` exited.
   */
  readonly lost: number;
  /** How often the layer became unavailable. This counts outages, not events. */
  readonly outages: number;
}

/** The events that a worker dropped without handling them, by reason. */
export interface DropCounts {
  /** Expired while they waited in the worker for a handler. */
  readonly expired: number;
  /** Could not be decoded. */
  readonly undecodable: number;
  /** Had no `type`, or one that is not a string. */
  readonly untyped: number;
  /** Had no route or no handler in the application. */
  readonly unknown: number;
  /** Were rejected by the schema of their handler. */
  readonly invalid: number;
  /** Were never received: the application returned before it called `receive()`. */
  readonly ignored: number;
}

/** Why a worker dropped an event: a key of {@linkcode DropCounts}. */
export type DropReason = keyof DropCounts;

/** Counts the events of a worker, see {@linkcode WorkerCounts}. */
export class Counter {
  received = 0;
  handled = 0;
  failed = 0;
  requeued = 0;
  lost = 0;
  outages = 0;
  /** How many events are being fetched: some of them may have left the layer. */
  requested = 0;
  readonly droppedBy: Record<DropReason, number> = {
    expired: 0,
    undecodable: 0,
    untyped: 0,
    unknown: 0,
    invalid: 0,
    ignored: 0,
  };

  /** Returns a copy of the counts. */
  get snapshot(): WorkerCounts {
    const { received, handled, failed, requeued, lost, outages } = this;
    const droppedBy = { ...this.droppedBy };
    const dropped = Object.values(droppedBy).reduce((sum, count) => sum + count, 0);
    return { received, handled, failed, dropped, droppedBy, requeued, lost, outages };
  }
}
