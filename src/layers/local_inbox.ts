import { UndecodableMessageError } from "../errors.ts";
import type { Delivery, Drop } from "./channel_layer.ts";
import { nonLocalName } from "./names.ts";
import type { Receiver } from "./receiver.ts";
import type { StoredBody } from "./store.ts";

/** How many bodies are taken at once for all the process-local channels of one key. */
const BATCH = 256;

/** How many channels without a receiver are kept for, whoever sends to them. */
const MOST_CHANNELS = 10_000;

/** What the inbox needs to know of its layer. */
export interface InboxSettings {
  readonly receiver: Receiver;
  /** Opens a body: one delivery for each channel that it is for. */
  readonly open: (key: string, body: StoredBody) => Delivery[];
  readonly capacityOf: (channel: string) => number;
  readonly onDrop: (drop: Drop) => void;
}

type Waiter = PromiseWithResolvers<Delivery>;

/**
 * Sorts what arrives for the process-local channels of one layer: they share a key in the store,
 * and the message says which of them it is for.
 *
 * While somebody waits on a channel, its key is emptied; what comes for the others is kept for
 * them, up to the capacity of each: then the oldest is dropped.
 */
export class LocalInbox {
  readonly #settings: InboxSettings;
  /** Who waits, by key and channel. */
  readonly #waiting = new Map<string, Map<string, Waiter[]>>();
  readonly #kept = new Map<string, Delivery[]>();
  readonly #pumps = new Map<string, AbortController>();

  constructor(settings: InboxSettings) {
    this.#settings = settings;
  }

  /** Waits for the next message of a channel. */
  receive(channel: string, signal: AbortSignal | undefined): Promise<Delivery> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const [kept] = this.takeKept(channel, 1);
    if (kept) return Promise.resolve(kept);
    const waiter = Promise.withResolvers<Delivery>();
    this.#wait(channel, waiter);
    if (!signal) return waiter.promise;
    const leave = () => this.#leave(channel, waiter, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return waiter.promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** What is there for a channel now, up to `limit`. */
  async takeAtOnce(channel: string, limit: number): Promise<Delivery[]> {
    const key = nonLocalName(channel);
    if (!this.#pumps.has(key)) {
      const bodies = await this.#settings.receiver.take(key, { limit: BATCH, wait: false });
      for (const body of bodies) this.#sort(key, body);
    }
    return this.takeKept(channel, limit);
  }

  /** What is kept for a channel, up to `limit`. */
  takeKept(channel: string, limit: number): Delivery[] {
    const kept = this.#kept.get(channel);
    if (!kept) return [];
    const now = Date.now();
    const live = kept.filter(({ expiresAt }) => expiresAt > now);
    const taken = live.splice(0, limit);
    if (live.length > 0) this.#kept.set(channel, live);
    else this.#kept.delete(channel);
    return taken;
  }

  /** Puts back what was taken: it is the next to be given. */
  putBack(channel: string, deliveries: readonly Delivery[]): void {
    this.#kept.set(channel, [...deliveries, ...this.#kept.get(channel) ?? []]);
    const key = nonLocalName(channel);
    const waiters = this.#waiting.get(key)?.get(channel) ?? [];
    for (const delivery of this.takeKept(channel, waiters.length)) {
      waiters.shift()?.resolve(delivery);
    }
    this.#forgetIfEmpty(key, channel);
    if (!this.#waiting.has(key)) this.#pumps.get(key)?.abort();
  }

  /** Forgets what is kept. */
  clear(): void {
    this.#kept.clear();
  }

  #wait(channel: string, waiter: Waiter): void {
    const key = nonLocalName(channel);
    const channels = this.#waiting.get(key) ?? new Map<string, Waiter[]>();
    this.#waiting.set(key, channels);
    append(channels, channel, waiter);
    if (!this.#pumps.has(key)) this.#startPump(key);
  }

  #leave(channel: string, waiter: Waiter, reason: unknown): void {
    const key = nonLocalName(channel);
    const waiters = this.#waiting.get(key)?.get(channel);
    const index = waiters?.indexOf(waiter) ?? -1;
    if (!waiters || index === -1) return;
    waiters.splice(index, 1);
    this.#forgetIfEmpty(key, channel);
    waiter.reject(reason);
    if (!this.#waiting.has(key)) this.#pumps.get(key)?.abort();
  }

  #forgetIfEmpty(key: string, channel: string): void {
    const channels = this.#waiting.get(key);
    if (channels?.get(channel)?.length === 0) channels.delete(channel);
    if (channels?.size === 0) this.#waiting.delete(key);
  }

  #startPump(key: string): void {
    const control = new AbortController();
    this.#pumps.set(key, control);
    this.#pump(key, control.signal)
      .catch((error) => control.signal.aborted || this.#rejectAll(key, error))
      .finally(() => {
        this.#pumps.delete(key);
        // Somebody may have come between the abort and now.
        if (this.#waiting.has(key)) this.#startPump(key);
      });
  }

  async #pump(key: string, signal: AbortSignal): Promise<void> {
    while (this.#waiting.has(key)) {
      const bodies = await this.#settings.receiver.take(key, { limit: BATCH, wait: true, signal });
      for (const body of bodies) this.#sort(key, body);
    }
  }

  #sort(key: string, body: StoredBody): void {
    try {
      for (const delivery of this.#settings.open(key, body)) this.#deliver(key, delivery);
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      this.#settings.onDrop({ channel: key, reason: error.message });
    }
  }

  #deliver(key: string, delivery: Delivery): void {
    const { channel } = delivery;
    const waiter = this.#waiting.get(key)?.get(channel)?.shift();
    this.#forgetIfEmpty(key, channel);
    if (waiter) waiter.resolve(delivery);
    else this.#keep(delivery);
  }

  #keep(delivery: Delivery): void {
    const { channel } = delivery;
    const kept = append(this.#kept, channel, delivery);
    if (kept.length > this.#settings.capacityOf(channel)) {
      kept.shift();
      this.#settings.onDrop({ channel, reason: "nobody receives from it, and it is full" });
    }
    if (this.#kept.size > MOST_CHANNELS) this.#dropOldestChannel();
  }

  #dropOldestChannel(): void {
    const [channel] = this.#kept.keys();
    if (channel === undefined) return;
    this.#kept.delete(channel);
    this.#settings.onDrop({ channel, reason: "too many channels that nobody receives from" });
  }

  #rejectAll(key: string, error: unknown): void {
    const waiters = [...this.#waiting.get(key)?.values() ?? []].flat();
    this.#waiting.delete(key);
    for (const waiter of waiters) waiter.reject(error);
  }
}

function append<T>(map: Map<string, T[]>, key: string, item: T): T[] {
  const items = map.get(key) ?? [];
  if (items.push(item) === 1) map.set(key, items);
  return items;
}
