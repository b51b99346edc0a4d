import { setImmediate } from "node:timers";
import type { Batch, Demand, Source, StoredBody } from "./store.ts";
import type { WaitingRoom } from "./waiting_room.ts";

/** What a poller is made of. */
export interface PollerOptions {
  readonly source: Source;
  readonly room: WaitingRoom;
  /** How long a body may wait, in milliseconds. */
  readonly expiry: number;
  readonly putBack: (key: string, bodies: readonly StoredBody[]) => Promise<void>;
  /** Nobody waits any more: it may be forgotten. */
  readonly onRest: () => void;
}

/**
 * Polls one source as long as somebody waits for what it may hold, with one `poll()` under way at a
 * time. What a poll brings for somebody who has left meanwhile goes back to its place.
 */
export class Poller {
  readonly #options: PollerOptions;
  /** What has been asked of it since it last came to rest. */
  readonly #keys = new Set<string>();
  #asked: Demand | undefined;
  #polling: Promise<void> | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /** Somebody has come who waits for a key: the poll that is under way may not know of it. */
  attend(key: string, isPatient: boolean): void {
    this.#keys.add(key);
    if (!this.#polling) this.#polling = this.#poll();
    else if (!isPatient || this.#asked?.has(key) === false) this.#options.source.interrupt();
  }

  /** Nobody waits for a key any more. */
  forget(key: string): void {
    if (this.#asked?.has(key)) this.#options.source.interrupt();
  }

  /** Waits until it rests. */
  async rest(): Promise<void> {
    this.#options.source.interrupt();
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { room } = this.#options;
    try {
      for (let demand; (demand = room.demand(this.#keys)).size > 0;) await this.#pollOnce(demand);
    } catch (error) {
      room.reject(this.#keys, error);
    } finally {
      this.#keys.clear();
      this.#polling = undefined;
      this.#options.onRest();
    }
  }

  async #pollOnce(demand: Demand): Promise<void> {
    const { room, source } = this.#options;
    const impatient = room.impatient(demand.keys(), source);
    this.#asked = demand;
    const batches = await source.poll(demand, impatient.length === 0)
      .finally(() => this.#asked = undefined);
    for (const batch of batches) await this.#distribute(batch);
    // Where something was found it may have expired, and there may be more behind it.
    const found = new Set(batches.map(({ key }) => key));
    for (const waiter of impatient) {
      if (found.has(waiter.key)) continue;
      waiter.unheard?.delete(source);
      if (waiter.unheard?.size === 0 && room.remove(waiter)) waiter.resolve([]);
    }
    // Those who were served may want more at once: let them ask before the next poll.
    if (room.hasAny(this.#keys)) await new Promise(setImmediate);
  }

  async #distribute({ key, bodies }: Batch): Promise<void> {
    const { room, putBack } = this.#options;
    const live = this.#withoutExpired(bodies);
    let given = 0;
    for (let waiter; given < live.length && (waiter = room.shift(key));) {
      waiter.resolve(live.slice(given, given += waiter.limit));
    }
    if (given < live.length) await putBack(key, live.slice(given));
  }

  /** The oldest come first: mostly, to look at the first is enough. */
  #withoutExpired(bodies: StoredBody[]): StoredBody[] {
    const oldest = Date.now() - this.#options.expiry;
    const first = bodies.findIndex(({ sentAt }) => sentAt > oldest);
    return first === 0 ? bodies : first === -1 ? [] : bodies.slice(first);
  }
}
