import { LayerClosedError } from "../errors.ts";
import { Poller } from "./poller.ts";
import type { Source, Store, StoredBody } from "./store.ts";
import { type Waiter, WaitingRoom } from "./waiting_room.ts";

/** Options of {@linkcode Receiver.take}. */
export interface TakeOptions {
  readonly limit: number;
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Lets many wait on many keys of a store, while each of its sources is polled once at a time. */
export class Receiver {
  readonly #store: Store;
  readonly #expiry: number;
  readonly #name: string;
  readonly #room = new WaitingRoom();
  readonly #pollers = new Map<Source, Poller>();
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
    const sources = this.#store.sourcesOf(key);
    const waiter = { key, limit, resolve, reject, ...!wait && { unheard: new Set(sources) } };
    this.#room.add(waiter);
    for (const source of sources) this.#pollerOf(source).attend(key, wait);
    if (!signal) return promise;
    const leave = () => this.#leave(waiter, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Sends everybody away, and waits until the store is quiet. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#room.rejectAll(new LayerClosedError(this.#name));
    await Promise.all(Array.from(this.#pollers.values(), (poller) => poller.rest()));
  }

  #leave(waiter: Waiter, reason: unknown): void {
    if (!this.#room.remove(waiter)) return;
    waiter.reject(reason);
    if (this.#room.has(waiter.key)) return;
    for (const poller of this.#pollers.values()) poller.forget(waiter.key);
  }

  #pollerOf(source: Source): Poller {
    const known = this.#pollers.get(source);
    if (known) return known;
    const poller = new Poller({
      source,
      room: this.#room,
      expiry: this.#expiry,
      putBack: (key, bodies) => this.#store.putBack(key, bodies),
      onRest: () => this.#pollers.delete(source),
    });
    this.#pollers.set(source, poller);
    return poller;
  }
}
