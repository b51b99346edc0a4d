import { setTimeout as delay } from "node:timers/promises";

/**
 * Calls a function when a signal is aborted: immediately if it already is, never without a signal.
 *
 * @returns A disposable that removes the listener.
 */
export function onAbort(
  signal: AbortSignal | undefined,
  callback: (reason: unknown) => void,
): Disposable {
  const listener = () => callback(signal?.reason);
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", listener) };
}

/** Returns a promise that resolves when a signal is aborted; disposing of it removes the listener. */
export function untilAborted(
  signal: AbortSignal | undefined,
): Disposable & { readonly promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, ...onAbort(signal, () => resolve()) };
}

/** Settles like a promise, or rejects with the reason of a signal that is aborted first. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  using _listener = onAbort(signal, aborted.reject);
  return await Promise.race([promise, aborted.promise]);
}

/** Options for a {@linkcode Backoff}. */
export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  readonly min: number;
  /** The longest delay, in milliseconds. */
  readonly max: number;
}

/** The delays between retries: each is twice as long as the one before, up to a maximum. */
export class Backoff {
  readonly #options: BackoffOptions;
  #next: number;

  constructor(options: BackoffOptions) {
    this.#options = options;
    this.#next = options.min;
  }

  /** Returns the next delay, in milliseconds. */
  next(): number {
    const current = this.#next;
    this.#next = Math.min(current * 2, this.#options.max);
    return current;
  }

  /** Starts again with the first delay, after an attempt has succeeded. */
  reset(): void {
    this.#next = this.#options.min;
  }

  /** Waits for the next delay, or until a signal is aborted. */
  async wait(signal?: AbortSignal): Promise<void> {
    await delay(this.next(), undefined, signal && { signal }).catch(() => {});
  }
}

/** Options for an {@linkcode EventQueue}. */
export interface EventQueueOptions<T> {
  /** Returns the next event, if there is one now. */
  readonly next: () => T | undefined;
  /** Returns the error that `receive()` rejects with after the stop. */
  readonly stopped: () => Error;
  /** Called if the application ignores that error and calls `receive()` again: it counts as ended. */
  readonly onEnd: () => void;
}

/** The server side of an application's `receive()`. */
export class EventQueue<T> {
  readonly #options: EventQueueOptions<T>;
  readonly #waiting: PromiseWithResolvers<T>[] = [];
  #isStopped = false;
  #isRefused = false;

  constructor(options: EventQueueOptions<T>) {
    this.#options = options;
  }

  /** Whether a `receive()` is pending. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Returns the next event, or waits for it. */
  receive(): Promise<T> {
    const event = this.#options.next();
    if (event !== undefined) return Promise.resolve(event);
    if (this.#isStopped) return this.#refuse();
    const waiting = Promise.withResolvers<T>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Resolves the oldest pending `receive()`. */
  give(event: T): void {
    this.#waiting.shift()?.resolve(event);
  }

  /** Rejects pending calls of `receive()`. Later calls only return events that are available. */
  stop(): void {
    this.#isStopped = true;
    if (this.isWaiting) this.#isRefused = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#options.stopped());
  }

  /** Rejects once: an application that keeps asking would otherwise loop forever. */
  #refuse(): Promise<T> {
    if (this.#isRefused) {
      this.#options.onEnd();
      return new Promise(() => {});
    }
    this.#isRefused = true;
    return Promise.reject(this.#options.stopped());
  }
}
