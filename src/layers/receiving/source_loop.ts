import { setImmediate } from "node:timers";
import { setTimeout as pause } from "node:timers/promises";
import type { Batch, Demand, Source } from "../store.ts";

/** How long a poll that can't be ended may still take before it is left behind, in milliseconds. */
const GRACE = 30;

/** What one poll is asked for. */
export interface Plan<Call> {
  /** How much of each key: those without a receiver are left out. */
  readonly demand: Demand;
  /** The calls that get an answer even if there is nothing; if there are some, the poll doesn't wait. */
  readonly calls: readonly Call[];
}

/** The side of the receivers: it says what to poll for, and distributes what comes. */
export interface Receivers<Call> {
  /** Plans the next poll of a source; keys without a receiver are removed from `keys`. */
  plan(keys: Set<string>, source: Source): Plan<Call>;
  /** Distributes what a poll has brought. */
  distribute(batches: readonly Batch[], plan: Plan<Call>, source: Source): void;
  /** Whether a receiver waits for one of some keys. */
  isAwaited(keys: ReadonlySet<string>): boolean;
  /** A loop has come to rest: its source may be forgotten. */
  rested(source: Source): void;
  /** A poll has failed. */
  fail(keys: ReadonlySet<string>, error: unknown): void;
  /** A poll could not be ended: those that don't want to wait for it need an answer. */
  refuse(source: Source, error: unknown): void;
}

/**
 * Polls one source as long as a receiver waits for what it may hold, with one `poll()` under way at
 * a time. A new receiver, or one that leaves, interrupts a poll that doesn't know of it.
 */
export class SourceLoop<Call> {
  readonly #source: Source;
  readonly #receivers: Receivers<Call>;
  /** What has been asked for since it last came to rest. */
  readonly #keys = new Set<string>();
  #running: Promise<void> | undefined;
  /** The poll that is under way, and what it asks for. */
  #poll: { readonly demand: Demand; readonly end: Promise<void> } | undefined;

  constructor(source: Source, receivers: Receivers<Call>) {
    this.#source = source;
    this.#receivers = receivers;
  }

  /** Whether nothing is asked for. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Polls for a key; a poll under way is interrupted if it doesn't know of it, or may wait. */
  attend(key: string, waits: boolean): void {
    this.#keys.add(key);
    if (!this.#running) this.#running = this.#run();
    else if (!waits || this.#poll?.demand.has(key) === false) void this.#interrupt();
  }

  /** Ends a poll that asks for a key. Resolves when none does, or soon if it can't be ended now. */
  async forget(key: string): Promise<void> {
    if (this.#poll?.demand.has(key)) await this.#leave(this.#poll.end);
  }

  /** Ends the poll under way. Resolves when none is, or soon if it can't be ended now. */
  async rest(): Promise<void> {
    if (this.#running) await this.#leave(this.#running);
  }

  async #leave(end: Promise<void>): Promise<void> {
    const interrupted = this.#interrupt().then((isDone) => isDone ? end : pause(GRACE));
    await Promise.race([end, interrupted]);
  }

  /** Returns whether the poll under way ends, as far as is known. */
  async #interrupt(): Promise<boolean> {
    try {
      await this.#source.interrupt();
      return true;
    } catch (error) {
      this.#receivers.refuse(this.#source, error);
      return false;
    }
  }

  async #run(): Promise<void> {
    try {
      for (let plan; (plan = this.#receivers.plan(this.#keys, this.#source)).demand.size > 0;) {
        await this.#pollOnce(plan);
        // Receivers that were served may want more: they can ask before the next poll.
        if (this.#receivers.isAwaited(this.#keys)) await new Promise(setImmediate);
      }
    } catch (error) {
      this.#receivers.fail(this.#keys, error);
    } finally {
      this.#keys.clear();
      this.#running = undefined;
      this.#receivers.rested(this.#source);
    }
  }

  async #pollOnce(plan: Plan<Call>): Promise<void> {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#poll = { demand: plan.demand, end };
    try {
      const batches = await this.#source.poll(plan.demand, plan.calls.length === 0);
      this.#receivers.distribute(batches, plan, this.#source);
    } finally {
      this.#poll = undefined;
      resolve();
    }
  }
}
