import { ChannelFullError, SendTimeoutError } from "../../errors/mod.ts";
import type { SendOptions } from "../channel_layer.ts";
import { outcomeUnknown, withOutcome } from "./outcome.ts";

/** One call of `send()` or `sendMany()`. */
export interface SendRequest {
  /** The channel's name, for errors. */
  readonly channel: string;
  /** The key of the channel in the store. */
  readonly key: string;
  /** The capacity of the channel, in messages. */
  readonly capacity: number;
  /** The encoded messages. */
  readonly bodies: readonly Uint8Array[];
  /** Why the call must not wait for capacity, if so. */
  readonly mustNotWait?: string | undefined;
}

/** Receives a call when a send has settled. */
export interface SendOwner {
  settled(send: PendingSend): void;
}

/** About how much memory a message takes besides its bytes. */
const OVERHEAD = 256;

/** One call of `send()` or `sendMany()`, from its start until its promise settles. */
export class PendingSend {
  readonly #request: SendRequest;
  readonly #owner: SendOwner;
  readonly #result = Promise.withResolvers<void>();
  /** About how much memory the call takes, in bytes. */
  readonly size: number;
  /** Whether a part of it is in the batch in flight: then its outcome is unknown. */
  isInFlight = false;
  #accepted = 0;
  #waits = false;
  #isSettled = false;
  #advice: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(request: SendRequest, owner: SendOwner) {
    this.#request = request;
    this.#owner = owner;
    this.size = request.bodies.reduce((sum, { length }) => sum + length + OVERHEAD, 0);
  }

  /** Resolves when the store has accepted all messages. */
  get result(): Promise<void> {
    return this.#result.promise;
  }

  /** The encoded messages, including those that have been accepted. */
  get bodies(): readonly Uint8Array[] {
    return this.#request.bodies;
  }

  /** How many of the bodies the store has accepted: the first ones. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Whether it waits for capacity while the channel is full. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Whether its promise has settled. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Applies the caller's options. */
  limit({ signal, timeout, waitForCapacity = false }: SendOptions): void {
    const { mustNotWait } = this.#request;
    this.#waits = waitForCapacity;
    if (mustNotWait !== undefined) this.stopWaiting(mustNotWait);
    if (timeout !== undefined) this.#timer = setTimeout(() => this.#expire(timeout), timeout);
    if (!signal) return;
    // onAbort() would cost each send with a signal one closure more.
    const abort = () => this.#reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", abort);
  }

  /** Stops waiting for capacity; the error will contain the reason. */
  stopWaiting(reason: string): void {
    if (this.#waits) this.#advice = reason;
    this.#waits = false;
  }

  /** Notes that the store has accepted `count` more bodies. */
  accept(count: number): void {
    this.#accepted += count;
    if (this.#accepted === this.bodies.length && this.#settle()) this.#result.resolve();
  }

  /** Rejects with a {@linkcode ChannelFullError}. */
  rejectFull(): void {
    const { channel, capacity } = this.#request;
    const advice = this.#advice !== undefined && { advice: this.#advice };
    this.#reject(new ChannelFullError({ channel, capacity, accepted: this.#accepted, ...advice }));
  }

  /** Rejects with an error of the store. */
  fail(error: unknown): void {
    this.#reject(withOutcome(error, this.#accepted > 0 || outcomeUnknown(error)));
  }

  #expire(timeout: number): void {
    const { channel } = this.#request;
    const facts = { accepted: this.#accepted, outcomeUnknown: this.isInFlight };
    this.#reject(new SendTimeoutError({ channel, timeout, ...facts }));
  }

  #reject(error: unknown): void {
    if (this.#settle()) this.#result.reject(error);
  }

  /** Returns whether it was pending until now. */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#owner.settled(this);
    return true;
  }
}
