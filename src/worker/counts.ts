/**
 * What a worker has done so far, in events: each that it received was handled, failed, dropped,
 * handed back or lost, or is in hand or waiting for a handler. No count ever falls.
 */
export interface WorkerCounts {
  /** Taken from the layer, those that were handed back later included. */
  readonly received: number;
  /** Whose handler came to a good end. */
  readonly handled: number;
  /** Whose handler threw. */
  readonly failed: number;
  /** Never given to a handler, for whatever reason: the sum of `droppedBy`. */
  readonly dropped: number;
  /** Those that were dropped, by the reason. */
  readonly droppedBy: DropCounts;
  /** Given back to the layer before anybody had started on them. */
  readonly requeued: number;
  /**
   * Neither handled nor handed back: the layer may have them, the worker ended while it was away, or
   * a thread of `runworker --threads` ended with them.
   */
  readonly lost: number;
  /** How often the layer went away: a number of times, not of events. */
  readonly outages: number;
}

/** The events that a worker never gave to a handler, by the reason. */
export interface DropCounts {
  /** They waited too long for a handler. */
  readonly expired: number;
  /** They were no messages at all. */
  readonly undecodable: number;
  /** They had no `type`, or one that is no string. */
  readonly untyped: number;
  /** The application has no route or no handler for them. */
  readonly unknown: number;
  /** The application returned without receiving them. */
  readonly ignored: number;
}

/** Why an event was dropped. */
export type DropReason = keyof DropCounts;

/** Counts what becomes of the events of a worker, see {@linkcode WorkerCounts}. */
export class Counter {
  /** Taken from the layer. */
  received = 0;
  /** Whose handler came to a good end. */
  handled = 0;
  /** Whose handler threw. */
  failed = 0;
  /** Given back to the layer. */
  requeued = 0;
  /** Neither handled nor handed back. */
  lost = 0;
  /** How often the layer went away. */
  outages = 0;
  /** How many are asked of the layer now: some may have left it. */
  requested = 0;
  /** Never given to a handler, by the reason. */
  readonly droppedBy: Record<DropReason, number> = {
    expired: 0,
    undecodable: 0,
    untyped: 0,
    unknown: 0,
    ignored: 0,
  };

  /** The counts as they are now. */
  get snapshot(): WorkerCounts {
    const { received, handled, failed, requeued, lost, outages } = this;
    const droppedBy = { ...this.droppedBy };
    const dropped = Object.values(droppedBy).reduce((sum, count) => sum + count, 0);
    return { received, handled, failed, dropped, droppedBy, requeued, lost, outages };
  }
}
