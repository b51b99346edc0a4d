import {
  LayerClosedError,
  LayerUnavailableError,
  UndecodableMessageError,
} from "../../errors/mod.ts";
import type { Delivery, ReceiveManyOptions } from "../channel_layer.ts";
import type { MessagePacker } from "../messages/packer.ts";
import { isOwned, isProcessLocal, nonLocalName } from "../names.ts";
import type { LayerSettings } from "../settings.ts";
import { settleAll } from "../settle_all.ts";
import type { Batch, Source, Store, StoredBody } from "../store.ts";
import { warn } from "../warnings.ts";
import { LocalDelivery, StoredDelivery } from "./delivery.ts";
import { EXPIRED, Mailbox } from "./mailbox.ts";
import { OwnChannels } from "./own_channels.ts";
import { Requeuer } from "./requeuer.ts";
import { type PollPlan, SourceLoop, type SourceLoopOwner } from "./source_loop.ts";
import { type Waiter, Waiters } from "./waiters.ts";

/** How many messages one poll takes for all process-local channels of one key. */
const LOCAL_BATCH = 256;

/** The reason for dropping a message whose channel was closed. */
const ENDED = "its consumer or subscription has ended";

/** The parts that a {@linkcode Receiver} is constructed from. */
export interface ReceiverParts {
  readonly store: Store;
  readonly packer: MessagePacker;
  readonly settings: LayerSettings;
  /** The URL of the layer, for errors. */
  readonly name: string;
  /** Called when a poll has found the store unavailable, which may have lost its groups. */
  readonly onReset: () => void;
}

/**
 * Receives from many channels concurrently, with one poll of each source of the store in flight at a
 * time.
 *
 * A message is delivered to the call that has waited longest for its channel. Without such a call, it
 * is requeued; a message for a process-local channel, which only this layer receives from, is kept in
 * a mailbox instead. The process-local channels of one prefix share a key in the store.
 */
export class Receiver implements SourceLoopOwner {
  readonly #parts: ReceiverParts;
  readonly #waiters = new Waiters();
  readonly #loops = new Map<Source, SourceLoop>();
  readonly #mailbox: Mailbox<LocalDelivery>;
  readonly #requeuer: Requeuer;
  readonly #own = new OwnChannels();
  #closed = false;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#mailbox = new Mailbox(this.reportDrop, parts.settings.capacityOf);
    this.#requeuer = new Requeuer(parts.store, this.reportDrop, (channel) => this.#serve(channel));
  }

  /** Returns up to `limit` messages of a channel: at least one, or possibly none with `wait: false`. */
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
    const pendingSources = wait ? undefined : new Set(this.#parts.store.sourcesOf(key));
    const waiter = { key, channel, limit, pendingSources, resolve, reject };
    this.#waiters.add(waiter);
    if (!this.#requeuer.isBusy(channel)) this.#request(key, wait);
    if (!signal) return promise;
    // onAbort() would cost each call with a signal two closures more.
    const leave = () => this.#leave(waiter, signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** See {@linkcode ChannelLayer.requeue}. */
  async requeue(deliveries: readonly Delivery[]): Promise<void> {
    const byChannel = Map.groupBy(deliveries, ({ channel }) => channel);
    await settleAll(Array.from(byChannel, (entry) => this.#requeue(...entry)));
    // The store accepts messages again, and those that it has rejected are older.
    this.#requeuer.retry();
  }

  /** Opens an own channel. */
  open(channel: string): void {
    this.#own.open(channel);
  }

  /** Returns whether an own channel is open. */
  isOpen(channel: string): boolean {
    return this.#own.has(channel);
  }

  /** Waits for the next message of an own channel; resolves with `undefined` once it is closed. */
  next(channel: string): Promise<LocalDelivery | undefined> {
    if (this.#closed) return Promise.reject(new LayerClosedError({ layer: this.#parts.name }));
    const [kept] = this.#mailbox.take(channel, 1);
    if (kept) return Promise.resolve(kept);
    const next = this.#own.wait(channel);
    this.#request(nonLocalName(channel), true);
    return next;
  }

  /** Closes an own channel: its messages are dropped from now on. */
  end(channel: string): void {
    if (!this.#own.close(channel)) return;
    this.#mailbox.discard(channel, ENDED);
    this.#abandonIfIdle(nonLocalName(channel));
  }

  /**
   * Returns the messages of a channel that a poll fetched after its receiver had left, and that
   * the store could not requeue: only the caller has them.
   */
  async reclaim(channel: string): Promise<Delivery[]> {
    await Promise.all(this.#loops.values().map((loop) => loop.abandon(channel)));
    await this.#requeuer.settled(channel);
    return this.#requeuer.take(channel, Infinity);
  }

  /** Discards the messages that this process keeps. */
  clear(): void {
    this.#mailbox.clear();
    this.#requeuer.clear();
  }

  /** Rejects all waiters, and requeues what polls in flight still fetch. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new LayerClosedError({ layer: this.#parts.name });
    this.#waiters.rejectAll(error);
    this.#own.rejectAll(error);
    await Promise.all(this.#loops.values().map((loop) => loop.stop()));
    this.#mailbox.clear();
    await this.#requeuer.close();
  }

  plan(keys: Set<string>, source: Source): PollPlan {
    const limits = new Map<string, number>();
    for (const key of keys) {
      const isBusy = this.#requeuer.isBusy(key);
      if (isBusy || !this.#isAwaited(key)) keys.delete(key);
      else limits.set(key, isProcessLocal(key) ? LOCAL_BATCH : this.#waiters.requestedOf(key));
    }
    return { limits, immediate: this.#waiters.immediateOn(source, limits) };
  }

  distribute(batches: readonly Batch[], { immediate }: PollPlan, source: Source): void {
    for (const batch of batches) {
      const deliveries = this.#liveOf(batch);
      if (isProcessLocal(batch.key)) this.#distributeLocal(batch.key, deliveries);
      else this.#distributeOrdinary(batch.key, deliveries);
    }
    // A batch may consist of expired messages, with live ones behind them: the next poll tells.
    const found = new Set(batches.map(({ key }) => key));
    for (const call of immediate) {
      if (!found.has(call.channel)) this.#waiters.resolveEmpty(call, source);
    }
  }

  hasWaiter(keys: ReadonlySet<string>): boolean {
    return keys.values().some((key) => this.#isAwaited(key));
  }

  ended(source: Source): void {
    this.#loops.delete(source);
  }

  failed(keys: ReadonlySet<string>, error: unknown): void {
    this.#waiters.reject(keys, error);
    this.#own.reject(keys, error);
    if (error instanceof LayerUnavailableError) this.#parts.onReset();
  }

  interruptFailed(source: Source, error: unknown): void {
    this.#waiters.rejectImmediate(source, error);
  }

  #request(key: string, waits: boolean): void {
    for (const source of this.#parts.store.sourcesOf(key)) this.#loopOf(source).request(key, waits);
  }

  #leave(waiter: Waiter, reason: unknown): void {
    const { key } = waiter;
    if (!this.#waiters.remove(waiter)) return;
    waiter.reject(reason);
    this.#abandonIfIdle(key);
  }

  /** Returns whether a call waits for messages of a key. */
  #isAwaited(key: string): boolean {
    return this.#waiters.has(key) || this.#own.isWaitingFor(key);
  }

  /** Ends the polls for a key that no call waits for. */
  #abandonIfIdle(key: string): void {
    if (!this.#isAwaited(key)) this.#loops.forEach((loop) => void loop.abandon(key));
  }

  #distributeOrdinary(channel: string, deliveries: readonly StoredDelivery[]): void {
    const rest = this.#waiters.resolve(channel, channel, deliveries);
    if (rest.length > 0) this.#requeuer.requeue(channel, rest);
  }

  #distributeLocal(key: string, deliveries: readonly StoredDelivery[]): void {
    const split = deliveries.flatMap((delivery) => this.#split(delivery));
    const others = split.filter((delivery) => !this.#own.give(delivery));
    for (const [channel, some] of Map.groupBy(others, ({ channel }) => channel)) {
      const rest = this.#waiters.resolve(key, channel, some);
      if (this.#closed) continue;
      if (!isOwned(channel) || this.#own.has(channel)) this.#mailbox.add(channel, rest);
      else for (const _ of rest) this.reportDrop(channel, ENDED);
    }
  }

  #split(delivery: StoredDelivery): LocalDelivery[] {
    try {
      return delivery.split();
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      this.reportDrop(delivery.channel, error.message);
      return [];
    }
  }

  /** Drops expired messages. They may be anywhere in a batch, since clocks can be set. */
  #liveOf({ key, bodies }: Batch): StoredDelivery[] {
    const now = Date.now();
    const live: StoredDelivery[] = [];
    for (const body of bodies) {
      if (body.expiresAt > now) live.push(new StoredDelivery(key, body, this.#parts.packer));
      else this.reportDrop(key, EXPIRED);
    }
    return live;
  }

  #takeKept(channel: string, limit: number): Delivery[] {
    if (isProcessLocal(channel)) return this.#mailbox.take(channel, limit);
    return this.#requeuer.take(channel, limit);
  }

  /** Resolves the waiters of a channel with the messages kept for it, or continues polling. */
  #serve(channel: string): void {
    const key = nonLocalName(channel);
    for (let waiter; (waiter = this.#waiters.first(key, channel));) {
      const kept = this.#takeKept(channel, waiter.limit);
      if (kept.length === 0) return this.#request(key, waiter.pendingSources === undefined);
      this.#waiters.remove(waiter);
      waiter.resolve(kept);
    }
    this.#abandonIfIdle(key);
  }

  async #requeue(channel: string, deliveries: readonly Delivery[]): Promise<void> {
    if (isProcessLocal(channel)) {
      this.#mailbox.requeue(channel, deliveries.map(localOf));
      this.#serve(channel);
    } else await this.#parts.store.requeue(channel, deliveries.map(bodyOf));
  }

  #loopOf(source: Source): SourceLoop {
    const known = this.#loops.get(source);
    if (known) return known;
    // A store may create any number of sources over time.
    this.#loops.forEach((loop, source) => loop.isIdle && this.#loops.delete(source));
    const loop = new SourceLoop(source, this);
    this.#loops.set(source, loop);
    return loop;
  }

  /** Reports a dropped message to `onDrop`. */
  readonly reportDrop = (channel: string, reason: string): void => {
    try {
      this.#parts.settings.onDrop({ channel, reason });
    } catch (error) {
      warn(`onDrop threw: ${error}`);
    }
  };
}

/** @throws {TypeError} If the delivery is not one of this package's layers. */
function bodyOf(delivery: Delivery): StoredBody {
  if (delivery instanceof StoredDelivery) return delivery.body;
  throw new TypeError(NOT_OURS);
}

/** @throws {TypeError} If the delivery is not one of this package's layers. */
function localOf(delivery: Delivery): LocalDelivery {
  if (delivery instanceof LocalDelivery) return delivery;
  throw new TypeError(NOT_OURS);
}

const NOT_OURS = "Cannot requeue this delivery: receiveMany() of this layer did not return it";
