import { setTimeout as pause } from "node:timers/promises";
import type { OutboxEntry } from "./outbox_entry.ts";
import type { Store } from "./store.ts";

/** How long to wait before a full channel is tried again, in milliseconds: it grows. */
const SHORTEST_WAIT = 2;
const LONGEST_WAIT = 50;

/** What goes to one key: one step is under way at a time, and takes along what it can of all that waits. */
export class OutboxLine {
  readonly #store: Store;
  readonly #key: string;
  readonly #capacity: number;
  #waiting: OutboxEntry[] = [];
  #leaving: readonly OutboxEntry[] = [];
  #wait = SHORTEST_WAIT;
  #isClosing = false;

  constructor(store: Store, key: string, capacity: number) {
    this.#store = store;
    this.#key = key;
    this.#capacity = capacity;
  }

  add(entry: OutboxEntry): void {
    this.#waiting.push(entry);
  }

  /** Whether something of an entry is on its way, so that nobody knows whether it arrives. */
  isLeaving(entry: OutboxEntry): boolean {
    return this.#leaving.includes(entry);
  }

  /** Sends all that waits, and what comes meanwhile. */
  async run(): Promise<void> {
    for (;;) {
      // Some were given up meanwhile.
      this.#waiting = this.#waiting.filter(({ isOver }) => !isOver);
      if (this.#waiting.length === 0) return;
      if (!await this.#step()) continue;
      if (this.#waiting.every(({ isOver }) => isOver)) continue;
      await pause(this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    }
  }

  /** From now on nobody waits for room. */
  close(): void {
    this.#isClosing = true;
  }

  /** @returns Whether there was not enough room. */
  async #step(): Promise<boolean> {
    const portions = this.#portions();
    const bodies = portions.length === 1 ? portions[0]!.bodies : portions.flatMap((p) => p.bodies);
    this.#leaving = portions.map(({ entry }) => entry);
    try {
      const accepted = await this.#store.append(this.#key, bodies, this.#capacity);
      this.#account(portions, accepted);
      return accepted < bodies.length;
    } catch (error) {
      for (const entry of this.#leaving) entry.fail(error);
      return false;
    } finally {
      this.#leaving = [];
    }
  }

  /** What leaves together next: as much as the store takes in one step. */
  #portions(): Portion[] {
    let { messages, bytes } = this.#store.step;
    const portions: Portion[] = [];
    for (const entry of this.#waiting) {
      const bodies: Uint8Array[] = [];
      for (const body of entry.rest) {
        const isFirst = portions.length === 0 && bodies.length === 0;
        bytes -= body.length;
        if (messages-- <= 0 || (bytes < 0 && !isFirst)) break;
        bodies.push(body);
      }
      if (bodies.length > 0) portions.push({ entry, bodies });
      if (messages <= 0 || bytes <= 0) break;
    }
    return portions;
  }

  #account(portions: readonly Portion[], accepted: number): void {
    if (accepted > 0) this.#wait = SHORTEST_WAIT;
    let left = accepted;
    for (const { entry, bodies } of portions) {
      const taken = Math.min(left, bodies.length);
      left -= taken;
      entry.take(taken);
      if (taken < bodies.length && (this.#isClosing || !entry.isPatient)) entry.end();
    }
  }
}

/** What of an entry leaves in one step. */
interface Portion {
  readonly entry: OutboxEntry;
  readonly bodies: readonly Uint8Array[];
}
