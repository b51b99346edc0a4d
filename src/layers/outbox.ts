import type { Store } from "./store.ts";

/** What one call wants to send, and whom to tell how much of it was taken. */
interface Entry {
  readonly bodies: readonly Uint8Array[];
  readonly resolve: (accepted: number) => void;
  readonly reject: (error: unknown) => void;
}

/** What goes to one key. */
interface Line {
  readonly key: string;
  readonly capacity: number;
  /** What leaves together next. */
  waiting: Entry[];
}

/**
 * Sends together what is sent at the same time: calls that don't wait for each other cost the store
 * one step. For each key one step is under way at a time, so that nothing overtakes what was sent
 * before it, however a store divides its steps.
 */
export class Outbox {
  readonly #store: Store;
  readonly #lines = new Map<string, Line>();
  #emptied = Promise.withResolvers<void>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Appends bodies under a key, until it holds `capacity`.
   *
   * @returns How many were taken, the first ones.
   */
  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const id = `${capacity} ${key}`;
    const entry = { bodies, resolve, reject };
    const line = this.#lines.get(id);
    if (line) line.waiting.push(entry);
    else this.#open(id, { key, capacity, waiting: [entry] });
    return promise;
  }

  /** Waits until all has left, or has failed to. */
  async empty(): Promise<void> {
    if (this.#lines.size > 0) await this.#emptied.promise;
  }

  /** A line is there as long as something waits or is under way. */
  #open(id: string, line: Line): void {
    this.#lines.set(id, line);
    // Those who call in the same turn come along.
    queueMicrotask(async () => {
      while (line.waiting.length > 0) await this.#send(line);
      this.#lines.delete(id);
      if (this.#lines.size === 0) this.#noteEmpty();
    });
  }

  #noteEmpty(): void {
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
  }

  async #send(line: Line): Promise<void> {
    const entries = line.waiting;
    line.waiting = [];
    const [first] = entries;
    const bodies = first && entries.length === 1
      ? first.bodies
      : entries.flatMap((entry) => entry.bodies);
    try {
      let left = await this.#store.append(line.key, bodies, line.capacity);
      for (const entry of entries) {
        const accepted = Math.min(left, entry.bodies.length);
        left -= accepted;
        entry.resolve(accepted);
      }
    } catch (error) {
      for (const entry of entries) entry.reject(error);
    }
  }
}
