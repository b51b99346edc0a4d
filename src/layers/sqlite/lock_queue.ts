import { setTimeout as pause } from "node:timers/promises";
import { Backoff } from "../../async.ts";
import { LayerUnavailableError } from "../../errors/mod.ts";

/** How long a call waits for a lock that another process holds, in milliseconds. */
const LOCK_TIMEOUT = 30_000;

/** The delays between attempts on a locked file, in milliseconds. */
const DELAYS = { min: 1, max: 16 };

/** The result of an attempt; `undefined` if the file was locked. */
export type Attempt<T> = { readonly result: T } | undefined;

/** A call that waits for a lock. */
interface WaitingCall {
  /** Attempts the call, and returns whether it has settled. */
  readonly settle: () => boolean;
  readonly reject: (error: Error) => void;
  readonly deadline: number;
}

/**
 * Retries calls that found the file locked, in order. SQLite's own busy timeout would block the event
 * loop.
 */
export class LockQueue {
  readonly #name: string;
  #calls: WaitingCall[] = [];
  #draining: Promise<void> | undefined;

  /** @param name The URL of the layer, for errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Whether no call waits for a lock. */
  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** Resolves when no call waits any longer. */
  get emptied(): Promise<void> {
    return Promise.resolve(this.#draining);
  }

  /**
   * Adds a call. Its timeout starts now, regardless of the calls before it.
   *
   * @throws {LayerUnavailableError} If the file remains locked until the timeout.
   */
  add<T>(attempt: () => Attempt<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = () => {
      try {
        const done = attempt();
        if (done) resolve(done.result);
        return done !== undefined;
      } catch (error) {
        reject(error);
        return true;
      }
    };
    this.#calls.push({ settle, reject, deadline: performance.now() + LOCK_TIMEOUT });
    this.#draining ??= this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    const backoff = new Backoff(DELAYS);
    while (!this.isEmpty) {
      // Random delays keep processes from retrying in step.
      await pause(backoff.next() * (0.5 + Math.random()));
      if (this.#settleAll() > 0) backoff.reset();
      this.#rejectOverdue();
    }
    this.#draining = undefined;
  }

  /** Returns how many calls settled before one found the file locked. */
  #settleAll(): number {
    let settled = 0;
    while (this.#calls[settled]?.settle()) settled++;
    this.#calls.splice(0, settled);
    return settled;
  }

  #rejectOverdue(): void {
    const now = performance.now();
    for (let first; (first = this.#calls[0]) && first.deadline < now;) {
      this.#calls.shift();
      const reason = `another process has locked the file for ${LOCK_TIMEOUT} ms`;
      first.reject(new LayerUnavailableError({ layer: this.#name, reason }));
    }
  }
}
