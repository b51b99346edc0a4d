import { setImmediate } from "node:timers";
import { LayerClosedError } from "../errors.ts";
import type { Batch, Demand, Store, StoredBody } from "./store.ts";

/** Somebody who waits for what a key holds. */
interface Waiter {
  readonly limit: number;
  /** Whether to go on waiting when a poll has found nothing. */
  readonly patient: boolean;
  readonly resolve: (bodies: StoredBody[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Options of {@linkcode Receiver.take}. */
export interface TakeOptions {
  readonly limit: number;
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lets many wait on many keys of a store with one `poll()` under way at a time.
 *
 * It polls as long as somebody waits. Somebody new interrupts the poll, so that the next one asks
 * for their key too; what a poll brings for somebody who has left meanwhile goes back to its place.
 */
export class Receiver {
  readonly #store: Store;
  readonly #expiry: number;
  readonly #name: string;
  readonly #waiters = new Map<string, Waiter[]>();
  #polling: Promise<void> | undefined;
  #closed = false;

  constructor(store: Store, expiry: number, name: string) {
    this.#store = store;
    this.#expiry = expiry;
    this.#name = name;
  }

  /**
   * Takes up to `limit` bodies of a key.
   *
   * @returns At least one, or none with `wait: false`.
   */
  take(key: string, { limit, wait, signal }: TakeOptions): Promise<StoredBody[]> {
    if (this.#closed) return Promise.reject(new LayerClosedError(this.#name));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<StoredBody[]>();
    const waiter = { limit, patient: wait, resolve, reject };
    this.#add(key, waiter);
    if (!signal) return promise;
    const leave = () => this.#leave(key, waiter, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Sends everybody away, and waits until the store is quiet. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rejectAll(new LayerClosedError(this.#name));
    this.#store.interrupt();
    await this.#polling;
  }

  #add(key: string, waiter: Waiter): void {
    const others = this.#waiters.get(key);
    if (others) others.push(waiter);
    else this.#waiters.set(key, [waiter]);
    if (this.#polling) this.#store.interrupt();
    else this.#polling = this.#poll();
  }

  #leave(key: string, waiter: Waiter, reason: unknown): void {
    const others = this.#waiters.get(key);
    const index = others?.indexOf(waiter) ?? -1;
    if (!others || index === -1) return;
    others.splice(index, 1);
    if (others.length === 0) this.#waiters.delete(key);
    waiter.reject(reason);
    this.#store.interrupt();
  }

  async #poll(): Promise<void> {
    try {
      while (this.#waiters.size > 0) await this.#pollOnce();
    } catch (error) {
      this.#rejectAll(error);
    } finally {
      this.#polling = undefined;
    }
  }

  async #pollOnce(): Promise<void> {
    const asked = [...this.#waiters.values()].flat();
    const impatient = asked.filter((waiter) => !waiter.patient);
    const batches = await this.#store.poll(this.#demand(), impatient.length === 0);
    for (const batch of batches) await this.#distribute(batch);
    // Where something was found it may have expired, and there may be more behind it.
    const found = new Set(batches.map(({ key }) => key));
    for (const waiter of impatient) this.#settle(waiter, found);
    // Those who were served may want more at once: let them ask before the next poll.
    if (this.#waiters.size > 0) await new Promise(setImmediate);
  }

  #demand(): Demand {
    const demand = new Map<string, number>();
    for (const [key, waiters] of this.#waiters) {
      demand.set(key, waiters.reduce((sum, { limit }) => sum + limit, 0));
    }
    return demand;
  }

  async #distribute({ key, bodies }: Batch): Promise<void> {
    const live = this.#withoutExpired(bodies);
    let given = 0;
    for (let waiter; given < live.length && (waiter = this.#shift(key));) {
      waiter.resolve(live.slice(given, given += waiter.limit));
    }
    if (given < live.length) await this.#store.putBack(key, live.slice(given));
  }

  /** The oldest come first: mostly, to look at the first is enough. */
  #withoutExpired(bodies: StoredBody[]): StoredBody[] {
    const oldest = Date.now() - this.#expiry;
    const first = bodies.findIndex(({ sentAt }) => sentAt > oldest);
    return first === 0 ? bodies : first === -1 ? [] : bodies.slice(first);
  }

  #shift(key: string): Waiter | undefined {
    const waiters = this.#waiters.get(key);
    const waiter = waiters?.shift();
    if (waiters?.length === 0) this.#waiters.delete(key);
    return waiter;
  }

  /** Tells somebody who wouldn't wait that there was nothing. */
  #settle(waiter: Waiter, found: ReadonlySet<string>): void {
    for (const [key, waiters] of this.#waiters) {
      const index = waiters.indexOf(waiter);
      if (index === -1 || found.has(key)) continue;
      waiters.splice(index, 1);
      if (waiters.length === 0) this.#waiters.delete(key);
      waiter.resolve([]);
    }
  }

  #rejectAll(error: unknown): void {
    const all = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    for (const waiter of all) waiter.reject(error);
  }
}
