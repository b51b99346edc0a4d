import { isOwned, nonLocalName } from "../names.ts";
import type { LocalDelivery } from "./delivery.ts";

/** A call that waits for the next message of an own channel. */
type Waiting = PromiseWithResolvers<LocalDelivery | undefined>;

/** An open channel. */
interface Own {
  readonly key: string;
  readonly waiting: Waiting[];
}

/**
 * The open channels of running consumers and of subscriptions, with the calls that wait for them. There
 * may be thousands, which all receive a message of their group at once.
 */
export class OwnChannels {
  readonly #channels = new Map<string, Own>();
  /** How many calls wait, by key. */
  readonly #counts = new Map<string, number>();

  /** Opens a channel. */
  open(channel: string): void {
    if (isOwned(channel)) this.#channels.set(channel, { key: nonLocalName(channel), waiting: [] });
  }

  /** Returns whether a channel is open. */
  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** Closes a channel: calls that wait for it resolve with `undefined`. Returns whether it was open. */
  close(channel: string): boolean {
    const own = this.#channels.get(channel);
    if (!own) return false;
    this.#channels.delete(channel);
    for (const { resolve } of this.#take(own)) resolve(undefined);
    return true;
  }

  /** Returns whether a call waits for a channel of a key. */
  isWaitingFor(key: string): boolean {
    return this.#counts.has(key);
  }

  /** Waits for the next delivery of a channel; resolves with `undefined` if it is closed. */
  wait(channel: string): Promise<LocalDelivery | undefined> {
    const own = this.#channels.get(channel);
    if (!own) return Promise.resolve(undefined);
    const waiting: Waiting = Promise.withResolvers();
    own.waiting.push(waiting);
    this.#counts.set(own.key, (this.#counts.get(own.key) ?? 0) + 1);
    return waiting.promise;
  }

  /** Passes a delivery to the call that has waited longest for its channel. Returns whether there was one. */
  give(delivery: LocalDelivery): boolean {
    const own = this.#channels.get(delivery.channel);
    const next = own?.waiting.shift();
    if (!own || !next) return false;
    this.#note(own.key, 1);
    next.resolve(delivery);
    return true;
  }

  /** Rejects the calls that wait for channels of some keys. */
  reject(keys: ReadonlySet<string>, error: unknown): void {
    for (const own of this.#channels.values()) {
      if (keys.has(own.key)) { for (const { reject } of this.#take(own)) reject(error); }
    }
  }

  /** Rejects all calls. */
  rejectAll(error: unknown): void {
    this.reject(new Set(this.#counts.keys()), error);
  }

  #take({ key, waiting }: Own): Waiting[] {
    this.#note(key, waiting.length);
    return waiting.splice(0);
  }

  /** Notes that some calls no longer wait. */
  #note(key: string, ended: number): void {
    const left = (this.#counts.get(key) ?? 0) - ended;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
