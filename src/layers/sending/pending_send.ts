import { ChannelFullError, SendTimeoutError } from "../../errors.ts";
import type { SendOptions } from "../channel_layer.ts";
import { outcomeUnknown, withOutcome } from "./outcome.ts";

/** What one call of `send()` or `sendMany()` asks for. */
export interface SendRequest {
  /** The channel's name, for errors. */
  readonly channel: string;
  /** Where the store keeps the channel. */
  readonly key: string;
  /** How many messages the channel may hold. */
  readonly capacity: number;
  /** The encoded messages. */
  readonly bodies: readonly Uint8Array[];
  /** Why the call must not wait for capacity, if it must not. */
  readonly mustNotWait?: string | undefined;
}

/** What is told of the end of a send. */
export interface SendOwner {
  settled(send: PendingSend): void;
}

/** The memory that a message takes beside its bytes, roughly. */
const OVERHEAD = 256;

/** One call of `send()` or `sendMany()`, from its start until its promise settles. */
export class PendingSend {
  readonly #request: SendRequest;
  readonly #owner: SendOwner;
  readonly #result = Promise.withResolvers<void>();
  /** How many bytes it keeps in memory. */
  readonly size: number;
  /** Whether a part of it is in the batch under way: then its outcome is unknown. */
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

  /** Resolves when the store has accepted everything. */
  get result(): Promise<void> {
    return this.#result.promise;
  }

  /** The encoded messages, those that were accepted included. */
  get bodies(): readonly Uint8Array[] {
    return this.#request.bodies;
  }

  /** How many of the bodies were accepted, the first ones. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Whether it waits for capacity while the channel is full. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Whether its promise has settled: there is nothing left to do for it. */
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
    const abort = () => this.#reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#stopListening = () => signal.removeEventListener("abort", abort);
  }

  /** From now on it doesn't wait for capacity; the error will say why. */
  stopWaiting(reason: string): void {
    if (this.#waits) this.#advice = reason;
    this.#waits = false;
  }

  /** Notes that the store has accepted that many more. */
  accept(count: number): void {
    this.#accepted += count;
    if (this.#accepted === this.bodies.length && this.#settle()) this.#result.resolve();
  }

  /** Rejects: the channel is full. */
  refuse(): void {
    const { channel, capacity } = this.#request;
    this.#reject(
      new ChannelFullError({
        channel,
        capacity,
        accepted: this.#accepted,
        ...this.#advice !== undefined && { advice: this.#advice },
      }),
    );
  }

  /** Rejects: the store has failed. */
  fail(error: unknown): void {
    this.#reject(withOutcome(error, this.#accepted > 0 || outcomeUnknown(error)));
  }

  #expire(timeout: number): void {
    const { channel } = this.#request;
    this.#reject(
      new SendTimeoutError({
        channel,
        timeout,
        accepted: this.#accepted,
        outcomeUnknown: this.isInFlight,
      }),
    );
  }

  #reject(error: unknown): void {
    if (this.#settle()) this.#result.reject(error);
  }

  /** Returns whether it wasn't settled before. */
  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#owner.settled(this);
    return true;
  }
}
