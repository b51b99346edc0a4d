import type { Demand, Source, StoredBody } from "./store.ts";

/** Somebody who waits for what a key holds. */
export interface Waiter {
  readonly key: string;
  readonly limit: number;
  /** Who doesn't want to wait: the sources that haven't said yet that they have nothing. */
  readonly unheard?: Set<Source>;
  readonly resolve: (bodies: StoredBody[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Those who wait, by the key that they wait for, in the order in which they came. */
export class WaitingRoom {
  readonly #waiters = new Map<string, Waiter[]>();

  add(waiter: Waiter): void {
    const others = this.#waiters.get(waiter.key);
    if (others) others.push(waiter);
    else this.#waiters.set(waiter.key, [waiter]);
  }

  /** @returns Whether somebody was there to leave. */
  remove(waiter: Waiter): boolean {
    const others = this.#waiters.get(waiter.key) ?? [];
    const index = others.indexOf(waiter);
    if (index === -1) return false;
    others.splice(index, 1);
    this.#tidy(waiter.key, others);
    return true;
  }

  /** Takes out who has waited longest for a key. */
  shift(key: string): Waiter | undefined {
    const waiters = this.#waiters.get(key) ?? [];
    const waiter = waiters.shift();
    this.#tidy(key, waiters);
    return waiter;
  }

  has(key: string): boolean {
    return this.#waiters.has(key);
  }

  hasAny(keys: ReadonlySet<string>): boolean {
    return this.#waiters.size > 0 && keys.values().some((key) => this.#waiters.has(key));
  }

  /** How much is wanted of some keys; those that nobody waits for are left out. */
  demand(keys: Iterable<string>): Demand {
    const demand = new Map<string, number>();
    for (const key of keys) {
      const waiters = this.#waiters.get(key);
      if (waiters) demand.set(key, waiters.reduce((sum, { limit }) => sum + limit, 0));
    }
    return demand;
  }

  /** Who doesn't want to wait, and hasn't heard from a source yet. */
  impatient(keys: Iterable<string>, source: Source): Waiter[] {
    const waiters = Array.from(keys, (key) => this.#waiters.get(key) ?? []).flat();
    return waiters.filter(({ unheard }) => unheard?.has(source));
  }

  /** Sends those away who wait for some keys. */
  reject(keys: Iterable<string>, error: unknown): void {
    for (const key of [...keys]) {
      for (let waiter; (waiter = this.shift(key));) waiter.reject(error);
    }
  }

  rejectAll(error: unknown): void {
    this.reject(this.#waiters.keys(), error);
  }

  #tidy(key: string, waiters: readonly Waiter[]): void {
    if (waiters.length === 0) this.#waiters.delete(key);
  }
}
