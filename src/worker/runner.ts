import { setImmediate } from "node:timers";
import { UndecodableMessageError } from "../errors.ts";
import type { Delivery } from "../layers/mod.ts";
import type { Application, ChannelScope, Message } from "../protocol/mod.ts";
import { Instance, type InstanceOwner } from "./instance.ts";
import type { WorkerLog } from "./log.ts";

/** What the runner of a channel have in common. */
export interface RunnerOptions {
  readonly channel: string;
  readonly application: Application<ChannelScope>;
  /** How many runner may run at once. */
  readonly concurrency: number;
  readonly report: WorkerLog;
}

/**
 * Keeps the application running for one channel, in up to `concurrency` runner, and gives each
 * its next event when it asks. An instance is started when there is an event for it; one that ends,
 * for whatever reason, is replaced when the next event comes.
 */
export class Runner implements InstanceOwner {
  readonly #options: RunnerOptions;
  readonly #running = new Set<Instance>();
  readonly #held: Delivery[] = [];
  readonly #prefetch = new Prefetch();
  readonly #watchers = new Set<{ condition: () => boolean; resolve: () => void }>();
  #busy = 0;
  /** The position of what was released and may come back: what was accepted later follows it. */
  readonly #positions = new WeakMap<Delivery, number>();
  #lastPosition = 0;
  #firstExpiry = Infinity;
  #started = false;
  #stopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** How many events wait here for an instance. */
  get held(): number {
    return this.#held.length;
  }

  /** Whether no event is in hand, and none waits. */
  get isIdle(): boolean {
    return this.#busy === 0 && this.#held.length === 0;
  }

  /** Whether every application has come to its end. */
  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  /**
   * How many events are worth fetching now: what can be started, and half a stock. So one half is
   * on its way while the other is worked at; less than a half isn't worth the way.
   */
  get room(): number {
    const { concurrency } = this.#options;
    const stock = this.#prefetch.ahead * concurrency;
    const half = Math.ceil(stock / 2);
    const free = concurrency - this.#busy;
    const room = free + stock - this.#held.length;
    if (this.#held.length > 0 && room < half) return 0;
    return Math.max(0, Math.min(room, free + half));
  }

  /** For how long every instance has been at its event, in milliseconds. */
  get stalledFor(): number {
    if (this.#busy < this.#options.concurrency) return 0;
    return Math.min(...Array.from(this.#running, ({ age }) => age));
  }

  /** The events in hand, as `"channel/type"`. */
  get inFlight(): string[] {
    const { channel } = this.#options;
    return Array.from(this.#running, ({ current }) => `${channel}/${current?.type ?? "(none)"}`);
  }

  /**
   * Takes events over.
   *
   * @param soon Whether their handlers may wait a moment, for the next request to leave first.
   */
  accept(deliveries: readonly Delivery[], soon: boolean): void {
    if (deliveries.length === 0) return;
    this.#noteExpiry(deliveries[0]);
    this.#held.push(...deliveries);
    if (soon) setImmediate(() => setImmediate(() => this.#distribute()));
    else this.#distribute();
  }

  /** From now on, what is accepted is given to runner; before, it only waits. */
  start(): void {
    this.#started = true;
    this.#distribute();
  }

  /** Gives up the events that wait, because their turn is too far away. */
  release(): Delivery[] {
    this.#prefetch.noteAtLeast(this.stalledFor);
    const released = this.#held.splice(0);
    for (const delivery of released) {
      if (!this.#positions.has(delivery)) this.#positions.set(delivery, ++this.#lastPosition);
    }
    return released;
  }

  /** Takes up again what could not be handed back, in its place; also before the start. */
  keep(released: readonly Delivery[]): void {
    const { channel, report } = this.#options;
    report.keeps(channel, released.length);
    this.#noteExpiry(released[0]);
    const position = (delivery: Delivery) => this.#positions.get(delivery) ?? Infinity;
    // What was never released came last: such positions are equal, and the sort is stable.
    this.#held.push(...released);
    this.#held.sort((one, other) => {
      const [first, second] = [position(one), position(other)];
      return first === second ? 0 : first - second;
    });
    this.start();
  }

  /** Lets every application come to its end; what is here may be finished. */
  stop(): void {
    this.#stopped = true;
    for (const instance of this.#running) instance.stop();
    this.#notify();
  }

  /** Waits for something to become true of these runner. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.add({ condition, resolve }));
  }

  finished(duration: number): void {
    this.#busy--;
    this.#options.report.counts.handled++;
    this.#prefetch.note(duration);
    if (this.#watchers.size > 0) this.#notify();
  }

  next(): Message | undefined {
    const event = this.#nextEvent();
    if (event) this.#busy++;
    if (this.#watchers.size > 0) this.#notify();
    return event;
  }

  ended(instance: Instance, failure: { readonly error: unknown } | undefined): void {
    if (!this.#running.delete(instance)) return;
    this.#account(instance, failure);
    this.#distribute();
    this.#notify();
  }

  /** Tells what has become of the event that was in hand at the end. */
  #account(instance: Instance, failure: { readonly error: unknown } | undefined): void {
    const { channel, report } = this.#options;
    const { current, age, hasRefused } = instance;
    if (failure) report.failed(channel, current, failure.error);
    if (!current) return;
    this.#busy--;
    this.#prefetch.note(age);
    if (failure) return;
    if (hasRefused) {
      report.dropped(channel, "ignored", "the application returned without receiving it");
    } else report.counts.handled++;
  }

  #distribute(): void {
    const { concurrency } = this.#options;
    while (this.#started && this.#held.length > 0) {
      const waiting = this.#waitingInstance();
      if (!waiting && this.#running.size >= concurrency) return;
      const event = this.#nextEvent();
      if (!event) return;
      this.#busy++;
      if (waiting) waiting.give(event);
      else this.#launch(event);
    }
  }

  #launch(event: Message): void {
    const { application, channel } = this.#options;
    const instance = new Instance(this, event);
    this.#running.add(instance);
    if (this.#stopped) instance.stop();
    instance.run(application, { type: "channel", channel });
  }

  #waitingInstance(): Instance | undefined {
    for (const instance of this.#running) if (instance.isWaiting) return instance;
  }

  /** The next event that is fit for a handler; others are dropped. */
  #nextEvent(): Message | undefined {
    for (let delivery; (delivery = this.#held.shift());) {
      const event = this.#read(delivery);
      if (event) return event;
    }
  }

  #read(delivery: Delivery): Message | undefined {
    const { channel, report } = this.#options;
    if (this.#hasExpired(delivery)) {
      return report.dropped(channel, "expired", "it has expired while it waited for a handler");
    }
    try {
      const event = delivery.read();
      if (typeof event.type === "string") return event;
      report.dropped(
        channel,
        "untyped",
        `it needs a type that is a string, and has ${typeof event.type}`,
      );
    } catch (error) {
      if (!(error instanceof UndecodableMessageError)) throw error;
      report.dropped(channel, "undecodable", error.message);
    }
  }

  /** The oldest of a batch comes first: as long as it is fit, the others are, and aren't looked at. */
  #noteExpiry(oldest: Delivery | undefined): void {
    if (this.#held.length === 0) this.#firstExpiry = Infinity;
    if (oldest) this.#firstExpiry = Math.min(this.#firstExpiry, oldest.expiresAt);
  }

  #hasExpired(delivery: Delivery): boolean {
    const now = Date.now();
    return now >= this.#firstExpiry && now >= delivery.expiresAt;
  }

  #notify(): void {
    for (const watcher of this.#watchers) {
      if (!watcher.condition()) continue;
      this.#watchers.delete(watcher);
      watcher.resolve();
    }
  }
}

/** How much work may wait in the worker's memory, in milliseconds. */
const AHEAD = 10;

/** How many events may wait there at most. */
const MOST_AHEAD = 1024;

/** How much the newest measurement counts. */
const WEIGHT = 0.2;

/** Below this a measurement says nothing, in milliseconds. */
const SHORTEST = 0.001;

/** Follows how long handlers take, and says how many events may be fetched ahead of them. */
export class Prefetch {
  #average: number | undefined;

  /** Notes how long a handler took, in milliseconds. */
  note(duration: number): void {
    this.#average = this.#average === undefined
      ? duration
      : this.#average + (duration - this.#average) * WEIGHT;
  }

  /** Notes that a handler has taken so long already, and hasn't come to its end. */
  noteAtLeast(duration: number): void {
    this.#average = Math.max(this.#average ?? 0, duration);
  }

  /** How many events may wait for each instance: none as long as nothing is known. */
  get ahead(): number {
    if (this.#average === undefined) return 0;
    return Math.min(MOST_AHEAD, Math.floor(AHEAD / Math.max(this.#average, SHORTEST)));
  }
}
