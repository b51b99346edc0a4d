import type { Delivery } from "../channel_layer.ts";
import type { Source } from "../store.ts";

/** A call that waits for messages of a channel. */
export interface Waiter {
  /** The key of the channel in the store: its name, unless it is process-local. */
  readonly key: string;
  readonly channel: string;
  readonly limit: number;
  /** For a call with `wait: false`: the sources that have not answered yet. */
  readonly pendingSources?: Set<Source> | undefined;
  readonly resolve: (deliveries: Delivery[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The waiting calls by key and channel, in the order in which they were made. */
export class Waiters {
  readonly #waiting = new Map<string, Map<string, Waiter[]>>();
  /** The calls with `wait: false`. */
  readonly #immediate = new Set<Waiter>();

  add(waiter: Waiter): void {
    const { key, channel, pendingSources } = waiter;
    const channels = this.#waiting.get(key) ?? new Map<string, Waiter[]>();
    this.#waiting.set(key, channels);
    const others = channels.get(channel);
    if (others) others.push(waiter);
    else channels.set(channel, [waiter]);
    if (pendingSources) this.#immediate.add(waiter);
  }

  /** Returns whether the waiter was present. */
  remove(waiter: Waiter): boolean {
    const { key, channel } = waiter;
    const channels = this.#waiting.get(key);
    const others = channels?.get(channel) ?? [];
    const index = others.indexOf(waiter);
    if (index === -1) return false;
    others.splice(index, 1);
    if (others.length === 0) channels?.delete(channel);
    if (channels?.size === 0) this.#waiting.delete(key);
    this.#immediate.delete(waiter);
    return true;
  }

  /** Returns the waiter that has waited longest for a channel. */
  first(key: string, channel: string): Waiter | undefined {
    return this.#waiting.get(key)?.get(channel)?.[0];
  }

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** Returns how many messages of a key the waiters ask for. */
  requestedOf(key: string): number {
    const waiters = this.#waiting.get(key)?.values().flatMap((waiters) => waiters);
    return waiters?.reduce((sum, { limit }) => sum + limit, 0) ?? 0;
  }

  /** Resolves the waiters of a channel with deliveries. Returns the deliveries that are left. */
  resolve<D extends Delivery>(
    key: string,
    channel: string,
    deliveries: readonly D[],
  ): readonly D[] {
    let taken = 0;
    for (let next; taken < deliveries.length && (next = this.first(key, channel));) {
      this.remove(next);
      next.resolve(deliveries.slice(taken, taken += next.limit));
    }
    return taken === 0 ? deliveries : deliveries.slice(taken);
  }

  /** Returns the calls with `wait: false` for some keys that a source has to answer. */
  immediateOn(source: Source, keys: ReadonlyMap<string, unknown>): Waiter[] {
    return [...this.#immediate]
      .filter(({ key, pendingSources }) => keys.has(key) && pendingSources?.has(source));
  }

  /** Notes that a source has nothing for a call; after the last source, the call resolves empty. */
  resolveEmpty(call: Waiter, source: Source): void {
    call.pendingSources?.delete(source);
    if (call.pendingSources?.size === 0 && this.remove(call)) call.resolve([]);
  }

  /** Rejects the calls with `wait: false` that a source has not answered. */
  rejectImmediate(source: Source, error: unknown): void {
    for (const call of this.#immediate) {
      if (call.pendingSources?.has(source) && this.remove(call)) call.reject(error);
    }
  }

  /** Rejects the waiters of some keys. */
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
