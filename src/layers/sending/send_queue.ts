import type { Store } from "../store.ts";
import type { PendingSend } from "./pending_send.ts";

/** The delay before a full channel is tried again, in milliseconds: it doubles each time. */
const MIN_DELAY = 2;
const MAX_DELAY = 50;

/** Options for a {@linkcode SendQueue}. */
export interface SendQueueOptions {
  readonly store: Store;
  readonly key: string;
  readonly capacity: number;
  /** Called with the size of each send that has settled, in bytes. */
  readonly release: (bytes: number) => void;
}

/** The sends to one key, first in, first out: one batch at a time is under way. */
export class SendQueue {
  readonly #options: SendQueueOptions;
  #waiting: PendingSend[] = [];
  /** Whether the channel was full and a send waits for capacity: then all in the queue do. */
  #isFull = false;
  #delay = MIN_DELAY;
  #wake: () => void = () => {};

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /** Adds a send; one that doesn't wait for capacity never overtakes, nor waits for, one that does. */
  add(send: PendingSend): void {
    if (this.#isFull && !send.waits) send.refuse();
    else this.#waiting.push(send);
  }

  /** Drops the sends that have settled, and returns whether others are left. */
  hasWork(): boolean {
    this.#waiting = this.#waiting.filter(({ isSettled }) => !isSettled);
    return this.#waiting.length > 0;
  }

  /** Sends the next batch, and pauses if the channel is full. */
  async step(): Promise<void> {
    const { store, key, capacity } = this.#options;
    const { bodies, shares } = nextBatch(this.#waiting, store.step);
    for (const { send } of shares) send.isInFlight = true;
    try {
      const accepted = await store.append(key, bodies, capacity);
      this.#account(shares, accepted);
      this.#isFull = accepted < bodies.length && this.#refuseBehindWaiting();
    } catch (error) {
      for (const { send } of shares) send.fail(error);
      this.#isFull = false;
    }
    if (this.#isFull) await this.#pause();
  }

  /** Called when a send has settled, for whatever reason. */
  settled({ size }: PendingSend): void {
    this.#options.release(size);
    if (!this.#isFull || this.#waiting.some(({ isSettled }) => !isSettled)) return;
    this.#isFull = false;
    this.#wake();
  }

  /** Tries what is left once more: no send waits for capacity any longer. */
  close(): void {
    for (const send of this.#waiting) send.stopWaiting("the layer was closed meanwhile");
    this.#isFull = false;
    this.#wake();
  }

  #account(shares: readonly Share[], accepted: number): void {
    if (accepted > 0) this.#delay = MIN_DELAY;
    let left = accepted;
    for (const { send, count } of shares) {
      send.isInFlight = false;
      const taken = Math.min(left, count);
      left -= taken;
      send.accept(taken);
      if (taken < count && !send.waits) send.refuse();
    }
  }

  /** Refuses the sends behind one that waits for capacity; returns whether there is such a one. */
  #refuseBehindWaiting(): boolean {
    let isBlocked = false;
    for (const send of this.#waiting) {
      if (send.isSettled) continue;
      if (send.waits) isBlocked = true;
      else if (isBlocked) send.refuse();
    }
    return isBlocked;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#delay);
    this.#delay = Math.min(this.#delay * 2, MAX_DELAY);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }
}

/** The part of a send that is in a batch. */
interface Share {
  readonly send: PendingSend;
  readonly count: number;
}

/** Takes as much as the store accepts in one step, but at least one body. */
function nextBatch(
  waiting: readonly PendingSend[],
  limit: Store["step"],
): { readonly bodies: readonly Uint8Array[]; readonly shares: readonly Share[] } {
  let { messages, bytes } = limit;
  const bodies: Uint8Array[] = [];
  const shares: Share[] = [];
  for (const send of waiting) {
    const first = bodies.length;
    for (let index = send.accepted; index < send.bodies.length; index++) {
      const body = send.bodies[index]!;
      bytes -= body.length;
      if (messages-- <= 0 || (bytes < 0 && bodies.length > 0)) break;
      bodies.push(body);
    }
    if (bodies.length > first) shares.push({ send, count: bodies.length - first });
    if (messages <= 0 || bytes <= 0) break;
  }
  return { bodies, shares };
}
