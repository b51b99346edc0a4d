import { isRejection } from "../../errors.ts";
import type { Store } from "../store.ts";
import { warn } from "../warnings.ts";
import type { StoredDelivery } from "./delivery.ts";
import { Mailbox, type ReportDrop } from "./mailbox.ts";

/** How long to wait before requeueing is tried again, in milliseconds: it grows. */
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 2_000;

/**
 * Requeues what was taken for receivers that are gone. What the store rejects stays here, for the
 * next receiver of its channel in this process, and is tried again until the store accepts it.
 * Where the store may have it after all, it is dropped: to deliver it twice would be worse.
 */
export class Requeuer {
  readonly #store: Store;
  readonly #reportDrop: ReportDrop;
  readonly #onSettled: (channel: string) => void;
  readonly #rejected: Mailbox<StoredDelivery>;
  /** The last attempt of each channel that has one under way. */
  readonly #attempts = new Map<string, Promise<void>>();
  #lastError: unknown;
  #wait = SHORTEST_WAIT;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param onSettled Called when an attempt has ended: its channel may be received from again. */
  constructor(store: Store, reportDrop: ReportDrop, onSettled: (channel: string) => void) {
    this.#store = store;
    this.#reportDrop = reportDrop;
    this.#onSettled = onSettled;
    this.#rejected = new Mailbox(reportDrop);
  }

  /** Whether messages of a channel are on their way: what is newer has to wait for them. */
  isBusy(channel: string): boolean {
    return this.#attempts.has(channel);
  }

  /** Resolves when no message of a channel is on its way. */
  async settled(channel: string): Promise<void> {
    await this.#attempts.get(channel);
  }

  /** Takes up to `limit` messages of a channel that the store has rejected. */
  take(channel: string, limit: number): StoredDelivery[] {
    return this.#rejected.take(channel, limit);
  }

  /** Requeues messages of one channel; attempts for the same channel follow one another. */
  requeue(channel: string, deliveries: readonly StoredDelivery[]): void {
    const attempt = this.settled(channel)
      .then(() => this.#attempt(channel, deliveries))
      .finally(() => {
        if (this.#attempts.get(channel) !== attempt) return;
        this.#attempts.delete(channel);
        this.#onSettled(channel);
      });
    this.#attempts.set(channel, attempt);
  }

  /** Tries again to requeue what was rejected. */
  retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { channels } = this.#rejected;
    if (channels.length === 0) this.#wait = SHORTEST_WAIT;
    for (const channel of channels) {
      const deliveries = this.take(channel, Infinity);
      if (deliveries.length > 0) this.requeue(channel, deliveries);
    }
  }

  /** Forgets what was rejected. */
  clear(): void {
    this.#rejected.clear();
  }

  /** Tries for the last time to requeue what was rejected; reports what is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#settleAll();
    this.retry();
    await this.#settleAll();
    const { channels } = this.#rejected;
    const lost = channels.flatMap((channel) => this.take(channel, Infinity));
    this.#rejected.clear();
    if (lost.length === 0) return;
    for (const { channel } of lost) this.#reportDrop(channel, reasonOf(this.#lastError));
    warn(`Lost ${lost.length} messages that could not be requeued: ${messageOf(this.#lastError)}`);
  }

  async #settleAll(): Promise<void> {
    while (this.#attempts.size > 0) await Promise.all(this.#attempts.values());
  }

  async #attempt(channel: string, deliveries: readonly StoredDelivery[]): Promise<void> {
    try {
      await this.#store.requeue(channel, deliveries.map(({ body }) => body));
      this.#wait = SHORTEST_WAIT;
    } catch (error) {
      this.#lastError = error;
      if (isRejection(error)) return this.#retain(channel, deliveries);
      for (const _ of deliveries) this.#reportDrop(channel, reasonOf(error));
    }
  }

  #retain(channel: string, deliveries: readonly StoredDelivery[]): void {
    this.#rejected.requeue(channel, deliveries);
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.retry(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}

function reasonOf(error: unknown): string {
  return `it could not be requeued (${messageOf(error)})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
