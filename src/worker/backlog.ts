import { UndecodableMessageError } from "../errors.ts";
import type { Delivery } from "../layers/mod.ts";
import type { Message } from "../protocol/mod.ts";
import type { DropReason } from "./counts.ts";
import type { WorkerLog } from "./log.ts";

/** The fetched events of a channel that no handler has started, the oldest first. */
export class Backlog {
  readonly #channel: string;
  readonly #log: WorkerLog;
  readonly #deliveries: Delivery[] = [];
  /** The positions of removed deliveries, which may be restored: deliveries added later follow. */
  readonly #positions = new WeakMap<Delivery, number>();
  #lastPosition = 0;
  #firstExpiry = Infinity;

  constructor(channel: string, log: WorkerLog) {
    this.#channel = channel;
    this.#log = log;
  }

  /** How many events there are. */
  get size(): number {
    return this.#deliveries.length;
  }

  /** Appends events. */
  add(deliveries: readonly Delivery[]): void {
    this.#noteExpiry(deliveries[0]);
    this.#deliveries.push(...deliveries);
  }

  /** Removes all events, for a requeue. */
  removeAll(): Delivery[] {
    const removed = this.#deliveries.splice(0);
    for (const delivery of removed) {
      if (!this.#positions.has(delivery)) this.#positions.set(delivery, ++this.#lastPosition);
    }
    return removed;
  }

  /** Restores removed events to their positions: the layer has rejected the requeue. */
  restore(deliveries: readonly Delivery[]): void {
    this.#noteExpiry(deliveries[0]);
    const position = (delivery: Delivery) => this.#positions.get(delivery) ?? Infinity;
    // Events that were never removed came last: their positions are equal, and the sort is stable.
    this.#deliveries.push(...deliveries);
    this.#deliveries.sort((one, other) => {
      const [first, second] = [position(one), position(other)];
      return first === second ? 0 : first - second;
    });
  }

  /** Removes and returns the next valid event; drops invalid events before it. */
  next(): Message | undefined {
    for (let delivery; (delivery = this.#deliveries.shift());) {
      const event = this.#read(delivery);
      if (event) return event;
    }
  }

  #read(delivery: Delivery): Message | undefined {
    if (this.#hasExpired(delivery)) {
      const message = "it expired while it waited for a handler";
      return this.#drop("expired", message, eventOf(delivery));
    }
    try {
      const event = delivery.read();
      if (typeof event.type === "string") return event;
      this.#drop("untyped", `its type must be a string, got ${typeof event.type}`, event);
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      this.#drop("undecodable", error.message);
    }
  }

  #drop(reason: DropReason, message: string, event?: Message): undefined {
    this.#log.dropped({ channel: this.#channel, reason, message, event });
  }

  /** The first event of a batch expires first: until then, the others need no check. */
  #noteExpiry(first: Delivery | undefined): void {
    if (this.size === 0) this.#firstExpiry = Infinity;
    if (first) this.#firstExpiry = Math.min(this.#firstExpiry, first.expiresAt);
  }

  #hasExpired(delivery: Delivery): boolean {
    const now = Date.now();
    return now >= this.#firstExpiry && now >= delivery.expiresAt;
  }
}

/** Returns the event of a delivery, unless it cannot be decoded. */
function eventOf(delivery: Delivery): Message | undefined {
  try {
    return delivery.read();
  } catch {
    return undefined;
  }
}
