import type { Delivery } from "../channel_layer.ts";
import type { Source } from "../store.ts";

/** A call that waits for messages of a channel. */
export interface Waiter {
  /** Where the store keeps the channel: the channel itself, unless it is process-local. */
  readonly key: string;
  readonly channel: string;
  readonly limit: number;
  /** For a call that doesn't want to wait: the sources that have not answered yet. */
  readonly sources?: Set<Source> | undefined;
  readonly resolve: (deliveries: Delivery[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The calls that wait, by key and channel, in the order of their arrival. */
export class Waiters {
  readonly #waiting = new Map<string, Map<string, Waiter[]>>();
  /** Those that don't want to wait. */
  readonly #calls = new Set<Waiter>();

  add(waiter: Waiter): void {
    const { key, channel, sources } = waiter;
    const channels = this.#waiting.get(key) ?? new Map<string, Waiter[]>();
    this.#waiting.set(key, channels);
    const others = channels.get(channel);
    if (others) others.push(waiter);
    else channels.set(channel, [waiter]);
    if (sources) this.#calls.add(waiter);
  }

  /** Returns whether it was still there. */
  remove(waiter: Waiter): boolean {
    const { key, channel } = waiter;
    const channels = this.#waiting.get(key);
    const others = channels?.get(channel) ?? [];
    const index = others.indexOf(waiter);
    if (index === -1) return false;
    others.splice(index, 1);
    if (others.length === 0) channels?.delete(channel);
    if (channels?.size === 0) this.#waiting.delete(key);
    this.#calls.delete(waiter);
    return true;
  }

  /** Returns the one that has waited longest for a channel. */
  first(key: string, channel: string): Waiter | undefined {
    return this.#waiting.get(key)?.get(channel)?.[0];
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Returns how many messages are wanted of a key. */
  wantedOf(key: string): number {
    const waiters = this.#waiting.get(key)?.values().flatMap((waiters) => waiters);
    return waiters?.reduce((sum, { limit }) => sum + limit, 0) ?? 0;
  }

  /** Gives messages to those who wait for their channel. Returns the rest. */
  give<D extends Delivery>(key: string, channel: string, deliveries: readonly D[]): readonly D[] {
    let given = 0;
    for (let next; given < deliveries.length && (next = this.first(key, channel));) {
      this.remove(next);
      next.resolve(deliveries.slice(given, given += next.limit));
    }
    return given === 0 ? deliveries : deliveries.slice(given);
  }

  /** Returns the calls without waiting that a source has to answer, for some keys. */
  callsOn(source: Source, keys: ReadonlyMap<string, unknown>): Waiter[] {
    return [...this.#calls].filter(({ key, sources }) => keys.has(key) && sources?.has(source));
  }

  /** A source has nothing for a call; if no source has, the call gets nothing. */
  answer(call: Waiter, source: Source): void {
    call.sources?.delete(source);
    if (call.sources?.size === 0 && this.remove(call)) call.resolve([]);
  }

  /** Rejects the calls that can't wait for a source. */
  rejectCalls(source: Source, error: unknown): void {
    for (const call of this.#calls) {
      if (call.sources?.has(source) && this.remove(call)) call.reject(error);
    }
  }

  /** Rejects all that wait for some keys. */
  reject(keys: Iterable<string>, error: unknown): void {
    for (const key of [...keys]) {
      const waiters = [...this.#waiting.get(key)?.values() ?? []].flat();
      for (const waiter of waiters) if (this.remove(waiter)) waiter.reject(error);
    }
  }

  rejectAll(error: unknown): void {
    this.reject(this.#waiting.keys(), error);
  }
}
