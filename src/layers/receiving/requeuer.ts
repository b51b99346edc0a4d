import { Backoff } from "../../async.ts";
import { isRejection } from "../../errors/mod.ts";
import type { Store } from "../store.ts";
import { warn } from "../warnings.ts";
import type { StoredDelivery } from "./delivery.ts";
import { Mailbox, type ReportDrop } from "./mailbox.ts";

/** The delays between attempts to requeue what the store rejects, in milliseconds. */
const DELAYS = { min: 50, max: 2_000 };

/**
 * Requeues messages that were fetched for receivers that have left. Messages that the store rejects
 * stay in this process, for the next receiver of their channel, and are retried until the store
 * accepts them. Messages that the store may have accepted are dropped, since none may be delivered
 * twice.
 */
export class Requeuer {
  readonly #store: Store;
  readonly #reportDrop: ReportDrop;
  readonly #onSettled: (channel: string) => void;
  readonly #rejected: Mailbox<StoredDelivery>;
  /** The last attempt in flight of each channel. */
  readonly #attempts = new Map<string, Promise<void>>();
  readonly #backoff = new Backoff(DELAYS);
  #lastError: unknown;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param onSettled Called after an attempt: its channel may be received from again. */
  constructor(store: Store, reportDrop: ReportDrop, onSettled: (channel: string) => void) {
    this.#store = store;
    this.#reportDrop = reportDrop;
    this.#onSettled = onSettled;
    this.#rejected = new Mailbox(reportDrop);
  }

  /** Returns whether messages of a channel are being requeued: newer ones have to wait for them. */
  isBusy(channel: string): boolean {
    return this.#attempts.has(channel);
  }

  /** Resolves when no message of a channel is being requeued. */
  async settled(channel: string): Promise<void> {
    await this.#attempts.get(channel);
  }

  /** Takes up to `limit` messages of a channel that the store has rejected. */
  take(channel: string, limit: number): StoredDelivery[] {
    return this.#rejected.take(channel, limit);
  }

  /** Requeues messages of one channel, one attempt after another. */
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

  /** Retries what the store has rejected. */
  retry(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { channels } = this.#rejected;
    if (channels.length === 0) this.#backoff.reset();
    for (const channel of channels) {
      const deliveries = this.take(channel, Infinity);
      if (deliveries.length > 0) this.requeue(channel, deliveries);
    }
  }

  /** Discards what the store has rejected. */
  clear(): void {
    this.#rejected.clear();
  }

  /** Retries once what the store has rejected, and reports what is lost. */
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
      this.#backoff.reset();
    } catch (error) {
      this.#lastError = error;
      if (isRejection(error)) return this.#retain(channel, deliveries);
      for (const _ of deliveries) this.#reportDrop(channel, reasonOf(error));
    }
  }

  #retain(channel: string, deliveries: readonly StoredDelivery[]): void {
    this.#rejected.requeue(channel, deliveries);
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.retry(), this.#backoff.next());
  }
}

function reasonOf(error: unknown): string {
  return `it could not be requeued (${messageOf(error)})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
