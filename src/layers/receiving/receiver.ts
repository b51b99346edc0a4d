import { LayerClosedError, UndecodableMessageError } from "../../errors.ts";
import type { Delivery, ReceiveManyOptions } from "../channel_layer.ts";
import type { MessagePacker } from "../messages/packer.ts";
import { isOwned, isProcessLocal, nonLocalName } from "../names.ts";
import type { LayerSettings } from "../settings.ts";
import { settleAll } from "../settle_all.ts";
import type { Batch, Source, Store, StoredBody } from "../store.ts";
import { warn } from "../warnings.ts";
import { LocalDelivery, StoredDelivery } from "./delivery.ts";
import { EXPIRED, Mailbox } from "./mailbox.ts";
import { Requeuer } from "./requeuer.ts";
import { type Plan, type Receivers, SourceLoop } from "./source_loop.ts";
import { type Waiter, Waiters } from "./waiters.ts";

/** How many messages are taken at once for all the process-local channels of one key. */
const LOCAL_BATCH = 256;

/** Why a message is dropped whose channel was closed. */
const ENDED = "its consumer has ended";

/** What a receiver is made of. */
export interface ReceiverParts {
  readonly store: Store;
  readonly form: MessagePacker;
  readonly settings: LayerSettings;
  /** What the layer is called in messages for people. */
  readonly name: string;
}

/**
 * Receives from many channels at once, while each source of the store is polled once at a time.
 *
 * A message goes to the call that has waited longest for its channel. If there is none, it is
 * requeued; one for a process-local channel, which only this layer receives from, is kept in a
 * mailbox instead. The process-local channels of one prefix share a key in the store.
 */
export class Receiver implements Receivers<Waiter> {
  readonly #parts: ReceiverParts;
  readonly #waiters = new Waiters();
  readonly #loops = new Map<Source, SourceLoop<Waiter>>();
  readonly #mailbox: Mailbox<LocalDelivery>;
  readonly #requeuer: Requeuer;
  /** The own channels of consumers that have not ended. */
  readonly #owned = new Set<string>();
  #closed = false;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#mailbox = new Mailbox(this.#reportDrop, parts.settings.capacityOf);
    this.#requeuer = new Requeuer(parts.store, this.#reportDrop, (channel) => this.#serve(channel));
  }

  /** Takes up to `limit` messages of a channel: at least one, or none with `wait: false`. */
  receive(
    channel: string,
    { limit, wait = true, signal }: ReceiveManyOptions,
  ): Promise<Delivery[]> {
    if (this.#closed) return Promise.reject(new LayerClosedError({ layer: this.#parts.name }));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const kept = this.#takeKept(channel, limit);
    if (kept.length > 0) return Promise.resolve(kept);
    const { promise, resolve, reject } = Promise.withResolvers<Delivery[]>();
    const key = nonLocalName(channel);
    const sources = wait ? undefined : new Set(this.#parts.store.sourcesOf(key));
    const waiter = { key, channel, limit, sources, resolve, reject };
    this.#waiters.add(waiter);
    if (!this.#requeuer.isBusy(channel)) this.#attend(key, wait);
    if (!signal) return promise;
    const leave = () => this.#leave(waiter, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Puts deliveries back to their places, see {@linkcode ChannelLayer.requeue}. */
  async requeue(deliveries: readonly Delivery[]): Promise<void> {
    const byChannel = Map.groupBy(deliveries, ({ channel }) => channel);
    await settleAll(Array.from(byChannel, (entry) => this.#requeue(...entry)));
    this.#requeuer.retry(); // The store accepts messages, and what it has rejected is older.
  }

  /** Starts the life of a channel that ends by `disown()`. */
  own(channel: string): void {
    if (isOwned(channel)) this.#owned.add(channel);
  }

  /** Ends the life of a channel: what comes for it from now on is dropped. */
  disown(channel: string): void {
    if (this.#owned.delete(channel)) this.#mailbox.discard(channel, ENDED);
  }

  /**
   * Takes what a poll has brought for a channel after its receiver had left, and the store has
   * rejected: the caller is the only one that has it.
   */
  async reclaim(channel: string): Promise<Delivery[]> {
    await Promise.all(this.#loops.values().map((loop) => loop.forget(channel)));
    await this.#requeuer.settled(channel);
    return this.#requeuer.take(channel, Infinity);
  }

  /** Forgets the messages that are in this process. */
  clear(): void {
    this.#mailbox.clear();
    this.#requeuer.clear();
  }

  /** Rejects all that waits, and requeues what may still come. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiters.rejectAll(new LayerClosedError({ layer: this.#parts.name }));
    await Promise.all(this.#loops.values().map((loop) => loop.rest()));
    this.#mailbox.clear();
    await this.#requeuer.close();
  }

  plan(keys: Set<string>, source: Source): Plan<Waiter> {
    const demand = new Map<string, number>();
    for (const key of keys) {
      const isBusy = this.#requeuer.isBusy(key);
      if (isBusy || !this.#waiters.has(key)) keys.delete(key);
      else demand.set(key, isProcessLocal(key) ? LOCAL_BATCH : this.#waiters.wantedOf(key));
    }
    return { demand, calls: this.#waiters.callsOn(source, demand) };
  }

  distribute(batches: readonly Batch[], { calls }: Plan<Waiter>, source: Source): void {
    for (const batch of batches) {
      const deliveries = this.#liveOf(batch);
      if (isProcessLocal(batch.key)) this.#distributeLocal(batch.key, deliveries);
      else this.#distributeOrdinary(batch.key, deliveries);
    }
    // What was found may have expired, and there may be more behind it.
    const found = new Set(batches.map(({ key }) => key));
    for (const call of calls) {
      if (!found.has(call.channel)) this.#waiters.answer(call, source);
    }
  }

  isAwaited(keys: ReadonlySet<string>): boolean {
    return keys.values().some((key) => this.#waiters.has(key));
  }

  rested(source: Source): void {
    this.#loops.delete(source);
  }

  fail(keys: ReadonlySet<string>, error: unknown): void {
    this.#waiters.reject(keys, error);
  }

  refuse(source: Source, error: unknown): void {
    this.#waiters.rejectCalls(source, error);
  }

  #attend(key: string, waits: boolean): void {
    for (const source of this.#parts.store.sourcesOf(key)) this.#loopOf(source).attend(key, waits);
  }

  #leave(waiter: Waiter, reason: unknown): void {
    const { key } = waiter;
    if (!this.#waiters.remove(waiter)) return;
    waiter.reject(reason);
    if (!this.#waiters.has(key)) this.#loops.forEach((loop) => void loop.forget(key));
  }

  #distributeOrdinary(channel: string, deliveries: readonly StoredDelivery[]): void {
    const rest = this.#waiters.give(channel, channel, deliveries);
    if (rest.length > 0) this.#requeuer.requeue(channel, rest);
  }

  #distributeLocal(key: string, deliveries: readonly StoredDelivery[]): void {
    const split = deliveries.flatMap((delivery) => this.#split(delivery));
    for (const [channel, some] of Map.groupBy(split, ({ channel }) => channel)) {
      const rest = this.#waiters.give(key, channel, some);
      if (this.#closed) continue;
      if (!isOwned(channel) || this.#owned.has(channel)) this.#mailbox.add(channel, rest);
      else for (const _ of rest) this.#reportDrop(channel, ENDED);
    }
  }

  #split(delivery: StoredDelivery): LocalDelivery[] {
    try {
      return delivery.split();
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      this.#reportDrop(delivery.channel, error.message);
      return [];
    }
  }

  /** Drops expired messages, which may be anywhere in a batch: clocks can be set. */
  #liveOf({ key, bodies }: Batch): StoredDelivery[] {
    const { form, settings: { expiry } } = this.#parts;
    const now = Date.now();
    const live: StoredDelivery[] = [];
    for (const body of bodies) {
      const delivery = new StoredDelivery(key, body, expiry, form);
      if (delivery.expiresAt > now) live.push(delivery);
      else this.#reportDrop(key, EXPIRED);
    }
    return live;
  }

  #takeKept(channel: string, limit: number): Delivery[] {
    if (isProcessLocal(channel)) return this.#mailbox.take(channel, limit);
    return this.#requeuer.take(channel, limit);
  }

  /** Serves those who wait for a channel with what is kept for it, or goes on polling. */
  #serve(channel: string): void {
    const key = nonLocalName(channel);
    for (let waiter; (waiter = this.#waiters.first(key, channel));) {
      const kept = this.#takeKept(channel, waiter.limit);
      if (kept.length === 0) return this.#attend(key, waiter.sources === undefined);
      this.#waiters.remove(waiter);
      waiter.resolve(kept);
    }
    if (!this.#waiters.has(key)) this.#loops.forEach((loop) => void loop.forget(key));
  }

  async #requeue(channel: string, deliveries: readonly Delivery[]): Promise<void> {
    if (isProcessLocal(channel)) {
      this.#mailbox.requeue(channel, deliveries.map(localOf));
      this.#serve(channel);
    } else await this.#parts.store.requeue(channel, deliveries.map(bodyOf));
  }

  #loopOf(source: Source): SourceLoop<Waiter> {
    const known = this.#loops.get(source);
    if (known) return known;
    // A store may have new sources for its channels without end.
    this.#loops.forEach((loop, source) => loop.isIdle && this.#loops.delete(source));
    const loop = new SourceLoop(source, this);
    this.#loops.set(source, loop);
    return loop;
  }

  readonly #reportDrop = (channel: string, reason: string): void => {
    try {
      this.#parts.settings.onDrop({ channel, reason });
    } catch (error) {
      warn(`onDrop itself failed: ${error}`);
    }
  };
}

/** @throws {TypeError} If a delivery is not one of a layer's own. */
function bodyOf(delivery: Delivery): StoredBody {
  if (delivery instanceof StoredDelivery) return delivery.body;
  throw new TypeError(NOT_OURS);
}

/** @throws {TypeError} If a delivery is not one of a layer's own. */
function localOf(delivery: Delivery): LocalDelivery {
  if (delivery instanceof LocalDelivery) return delivery;
  throw new TypeError(NOT_OURS);
}

const NOT_OURS = "Only what receiveMany() of the same layer gave can be handed back";
