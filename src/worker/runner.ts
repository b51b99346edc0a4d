import { setImmediate } from "node:timers";
import { UndecodableMessageError } from "../errors/mod.ts";
import type { Delivery } from "../layers/mod.ts";
import type { AnyApplication, ChannelScope, Message } from "../protocol/mod.ts";
import type { DropReason } from "./counts.ts";
import { Instance, type InstanceOwner } from "./instance.ts";
import type { WorkerLog } from "./log.ts";
import { Prefetch } from "./prefetch.ts";

/** Options for a {@linkcode Runner}. */
export interface RunnerOptions {
  readonly channel: string;
  readonly application: AnyApplication<ChannelScope>;
  /** The maximum number of instances. */
  readonly concurrency: number;
  readonly log: WorkerLog;
}

/**
 * Runs the application for one channel, in up to `concurrency` instances, and passes each its next
 * event when it asks. An instance is started when there is an event for it; one that ends, for any
 * reason, is replaced when the next event arrives.
 */
export class Runner implements InstanceOwner {
  readonly #options: RunnerOptions;
  readonly #instances = new Set<Instance>();
  readonly #backlog: Backlog;
  readonly #prefetch = new Prefetch();
  readonly #watchers = new Set<{ condition: () => boolean; resolve: () => void }>();
  #inFlight = 0;
  #isStarted = false;
  #isStopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.channel, options.log);
  }

  /** How many fetched events wait for an instance. */
  get unstarted(): number {
    return this.#backlog.size;
  }

  /** Whether no event is in flight or waits for an instance. */
  get isIdle(): boolean {
    return this.#inFlight === 0 && this.unstarted === 0;
  }

  /** Whether all instances have ended. */
  get hasEnded(): boolean {
    return this.#instances.size === 0;
  }

  /**
   * How many events to fetch now: those that can be started, and half of the prefetch. So one half
   * is being fetched while the other is handled; less than a half isn't worth a request.
   */
  get credit(): number {
    const { concurrency } = this.#options;
    const prefetch = this.#prefetch.size * concurrency;
    const half = Math.ceil(prefetch / 2);
    const free = concurrency - this.#inFlight;
    const credit = free + prefetch - this.unstarted;
    if (this.unstarted > 0 && credit < half) return 0;
    return Math.max(0, Math.min(credit, free + half));
  }

  /** How long all instances have been busy with their current event, in milliseconds. */
  get stalledFor(): number {
    if (this.#inFlight < this.#options.concurrency) return 0;
    return Math.min(...Array.from(this.#instances, ({ age }) => age));
  }

  /** The events in flight, as `"channel/type"`. */
  get inFlight(): string[] {
    const { channel } = this.#options;
    return Array.from(this.#instances, ({ current }) => `${channel}/${current?.type ?? "(none)"}`);
  }

  /**
   * Accepts fetched events.
   *
   * @param fetchesMore Whether more events are about to be fetched: handlers start after that
   * request has been written, which takes two turns of the event loop, and run while it is answered.
   */
  accept(deliveries: readonly Delivery[], fetchesMore: boolean): void {
    if (deliveries.length === 0) return;
    this.#backlog.add(deliveries);
    if (fetchesMore) setImmediate(() => setImmediate(() => this.#distribute()));
    else this.#distribute();
  }

  /** Starts instances; until then, accepted events only wait. */
  start(): void {
    this.#isStarted = true;
    this.#distribute();
  }

  /** Removes the unstarted events, for a requeue. */
  removeUnstarted(): Delivery[] {
    this.#prefetch.noteAtLeast(this.stalledFor);
    return this.#backlog.removeAll();
  }

  /** Restores events that could not be requeued, and starts instances for them. */
  restore(deliveries: readonly Delivery[]): void {
    this.#options.log.kept(this.#options.channel, deliveries.length);
    this.#backlog.restore(deliveries);
    this.start();
  }

  /** Lets every instance end once it has handled the events that are left. */
  stop(): void {
    this.#isStopped = true;
    for (const instance of this.#instances) instance.stop();
    this.#notify();
  }

  /** Waits until a condition of this runner is met. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.add({ condition, resolve }));
  }

  finished(duration: number): void {
    this.#inFlight--;
    this.#options.log.counter.handled++;
    this.#prefetch.note(duration);
    if (this.#watchers.size > 0) this.#notify();
  }

  next(): Message | undefined {
    const event = this.#backlog.next();
    if (event) this.#inFlight++;
    if (this.#watchers.size > 0) this.#notify();
    return event;
  }

  ended(instance: Instance, failure: { readonly error: unknown } | undefined): void {
    if (!this.#instances.delete(instance)) return;
    this.#account(instance, failure);
    this.#distribute();
    this.#notify();
  }

  /** Counts and logs the event that was in flight when an instance ended. */
  #account(instance: Instance, failure: { readonly error: unknown } | undefined): void {
    const { channel, log } = this.#options;
    const { current, age, hasIgnoredFirst } = instance;
    if (failure) log.failed(channel, current, failure.error);
    if (!current) return;
    this.#inFlight--;
    this.#prefetch.note(age);
    if (failure) return;
    if (hasIgnoredFirst) {
      const message = "the application returned without receiving it";
      log.dropped({ channel, reason: "ignored", message, event: current });
    } else log.counter.handled++;
  }

  #distribute(): void {
    const { concurrency } = this.#options;
    while (this.#isStarted && this.unstarted > 0) {
      const waiting = this.#waitingInstance();
      if (!waiting && this.#instances.size >= concurrency) return;
      const event = this.#backlog.next();
      if (!event) return this.#notify(); // All that waited was dropped.
      this.#inFlight++;
      if (waiting) waiting.give(event);
      else this.#startInstance(event);
    }
  }

  #startInstance(event: Message): void {
    const { application, channel } = this.#options;
    const instance = new Instance(this, event);
    this.#instances.add(instance);
    if (this.#isStopped) instance.stop();
    instance.run(application, { type: "channel", channel });
  }

  #waitingInstance(): Instance | undefined {
    for (const instance of this.#instances) if (instance.isWaiting) return instance;
  }

  #notify(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.condition()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

/** The fetched events of a channel that no handler has started, the oldest first. */
class Backlog {
  readonly #channel: string;
  readonly #log: WorkerLog;
  readonly #deliveries: Delivery[] = [];
  /** The positions of removed deliveries, which may be restored: deliveries added later follow. */
  readonly #positions = new WeakMap<Delivery, number>();
  #lastPosition = 0;
  #firstExpiry = Infinity;

  constructor(channel: string, log: WorkerLog) {
    this.#channel = channel;
    this.#log = log;
  }

  /** How many events there are. */
  get size(): number {
    return this.#deliveries.length;
  }

  /** Appends events. */
  add(deliveries: readonly Delivery[]): void {
    this.#noteExpiry(deliveries[0]);
    this.#deliveries.push(...deliveries);
  }

  /** Removes all events, for a requeue. */
  removeAll(): Delivery[] {
    const removed = this.#deliveries.splice(0);
    for (const delivery of removed) {
      if (!this.#positions.has(delivery)) this.#positions.set(delivery, ++this.#lastPosition);
    }
    return removed;
  }

  /** Restores removed events to their positions: the layer has rejected the requeue. */
  restore(deliveries: readonly Delivery[]): void {
    this.#noteExpiry(deliveries[0]);
    const position = (delivery: Delivery) => this.#positions.get(delivery) ?? Infinity;
    // Events that were never removed came last: their positions are equal, and the sort is stable.
    this.#deliveries.push(...deliveries);
    this.#deliveries.sort((one, other) => {
      const [first, second] = [position(one), position(other)];
      return first === second ? 0 : first - second;
    });
  }

  /** Removes and returns the next valid event; drops invalid events before it. */
  next(): Message | undefined {
    for (let delivery; (delivery = this.#deliveries.shift());) {
      const event = this.#read(delivery);
      if (event) return event;
    }
  }

  #read(delivery: Delivery): Message | undefined {
    if (this.#hasExpired(delivery)) {
      const message = "it expired while it waited for a handler";
      return this.#drop("expired", message, eventOf(delivery));
    }
    try {
      const event = delivery.read();
      if (typeof event.type === "string") return event;
      this.#drop("untyped", `its type must be a string, got ${typeof event.type}`, event);
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      this.#drop("undecodable", error.message);
    }
  }

  #drop(reason: DropReason, message: string, event?: Message): undefined {
    this.#log.dropped({ channel: this.#channel, reason, message, event });
  }

  /** The first event of a batch expires first: until then, the others need no check. */
  #noteExpiry(first: Delivery | undefined): void {
    if (this.size === 0) this.#firstExpiry = Infinity;
    if (first) this.#firstExpiry = Math.min(this.#firstExpiry, first.expiresAt);
  }

  #hasExpired(delivery: Delivery): boolean {
    const now = Date.now();
    return now >= this.#firstExpiry && now >= delivery.expiresAt;
  }
}

/** Returns the event of a delivery, unless it cannot be decoded. */
function eventOf(delivery: Delivery): Message | undefined {
  try {
    return delivery.read();
  } catch {
    return undefined;
  }
}
