import { setImmediate } from "node:timers";
import { setTimeout as pause } from "node:timers/promises";
import type { Batch, PollLimits, Source } from "../store.ts";
import type { Waiter } from "./waiters.ts";

/** How long to wait for a poll that could not be interrupted, in milliseconds. */
const INTERRUPT_TIMEOUT = 30;

/** What one poll of a source asks for. */
export interface PollPlan {
  /** How many bodies of each key; keys without a waiter are left out. */
  readonly limits: PollLimits;
  /** The calls with `wait: false` that the poll answers. If there are any, the poll does not wait. */
  readonly immediate: readonly Waiter[];
}

/** Plans the polls of a {@linkcode SourceLoop}, and receives their results. */
export interface SourceLoopOwner {
  /** Plans the next poll of a source. Removes keys without a waiter from `keys`. */
  plan(keys: Set<string>, source: Source): PollPlan;
  /** Distributes the result of a poll. */
  distribute(batches: readonly Batch[], plan: PollPlan, source: Source): void;
  /** Returns whether any of some keys has a waiter. */
  hasWaiter(keys: ReadonlySet<string>): boolean;
  /** Called when a loop has ended. */
  ended(source: Source): void;
  /** Called when a poll has failed. */
  failed(keys: ReadonlySet<string>, error: unknown): void;
  /** Called when a poll could not be interrupted: calls with `wait: false` must not wait for it. */
  interruptFailed(source: Source, error: unknown): void;
}

/**
 * Polls one source as long as it has waiters, with one `poll()` in flight at a time. A waiter that
 * arrives or leaves interrupts a poll whose plan it changes.
 */
export class SourceLoop {
  readonly #source: Source;
  readonly #owner: SourceLoopOwner;
  /** The keys that were requested since the loop started. */
  readonly #keys = new Set<string>();
  #running: Promise<void> | undefined;
  /** The poll in flight. */
  #poll: { readonly limits: PollLimits; readonly end: Promise<void> } | undefined;

  constructor(source: Source, owner: SourceLoopOwner) {
    this.#source = source;
    this.#owner = owner;
  }

  /** Whether the loop has ended. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Polls for a key. Interrupts the poll in flight if it lacks the key, or must not wait. */
  request(key: string, waits: boolean): void {
    this.#keys.add(key);
    if (!this.#running) this.#running = this.#run();
    else if (!waits || this.#poll?.limits.has(key) === false) void this.#interrupt();
  }

  /** Ends a poll for a key. Resolves when none is in flight, or soon if it cannot be interrupted. */
  async abandon(key: string): Promise<void> {
    if (this.#poll?.limits.has(key)) await this.#interruptUntil(this.#poll.end);
  }

  /** Ends the loop. Resolves when it has ended, or soon if it cannot be interrupted. */
  async stop(): Promise<void> {
    if (this.#running) await this.#interruptUntil(this.#running);
  }

  async #interruptUntil(end: Promise<void>): Promise<void> {
    const done = new AbortController();
    const late = () => pause(INTERRUPT_TIMEOUT, undefined, { signal: done.signal }).catch(() => {});
    const interrupted = this.#interrupt().then((isDone) => isDone ? end : late());
    await Promise.race([end, interrupted]);
    done.abort();
  }

  /** Returns whether the poll in flight will end, as far as is known. */
  async #interrupt(): Promise<boolean> {
    try {
      await this.#source.interrupt();
      return true;
    } catch (error) {
      this.#owner.interruptFailed(this.#source, error);
      return false;
    }
  }

  async #run(): Promise<void> {
    try {
      for (let plan; (plan = this.#owner.plan(this.#keys, this.#source)).limits.size > 0;) {
        await this.#pollOnce(plan);
        // Lets receivers that have got messages ask for more before the next poll.
        if (this.#owner.hasWaiter(this.#keys)) await new Promise(setImmediate);
      }
    } catch (error) {
      this.#owner.failed(this.#keys, error);
    } finally {
      this.#keys.clear();
      this.#running = undefined;
      this.#owner.ended(this.#source);
    }
  }

  async #pollOnce(plan: PollPlan): Promise<void> {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#poll = { limits: plan.limits, end };
    try {
      const batches = await this.#source.poll(plan.limits, plan.immediate.length === 0);
      this.#owner.distribute(batches, plan, this.#source);
    } finally {
      this.#poll = undefined;
      resolve();
    }
  }
}
