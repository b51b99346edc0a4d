import { setTimeout as pause } from "node:timers/promises";
import { isRejection, LayerUnavailableError } from "../errors.ts";
import { reclaim } from "../layers/internal.ts";
import type { ChannelLayer, Delivery, ReceiveManyOptions } from "../layers/mod.ts";
import { Runner, type RunnerOptions } from "./runner.ts";

/** How long to wait before asking a layer that was lost again, in milliseconds: it grows. */
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 2_000;

/** After so long at one event, what waits behind it goes back to the layer, in milliseconds. */
const STALL = 50;

/** How long to wait before handing back again what a layer could not take, in milliseconds. */
const NEXT_REQUEUE = 1_000;

/** What a listener is made of. */
export interface ListenerOptions extends RunnerOptions {
  readonly layer: ChannelLayer;
  /** Whether to return once the channel is empty and no handler runs. */
  readonly burst: boolean;
}

/**
 * Takes the events of one channel from the layer, for the runner that handle them: never more
 * than these have room for.
 */
export class ChannelListener {
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  /** What is under way with the layer; it is given up when the listener stops, or has stalled. */
  #taking = new AbortController();
  #asking: Promise<number | LayerUnavailableError> | undefined;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #requeuing: Promise<void> = Promise.resolve();
  /** The applications behind the channel. */
  readonly runner: Runner;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.runner = new Runner(options);
  }

  /**
   * Asks the layer for the first time, and as long as it can't be reached again; what it gives
   * waits for the beginning.
   *
   * @throws {LayerConfigurationError} When waiting for it makes no sense.
   */
  async open(): Promise<void> {
    await this.#take(false);
  }

  /**
   * Fetches events for the runner until it is stopped; in a burst, until the channel is empty and
   * no handler runs.
   *
   * @returns How many events there were.
   */
  async listen(): Promise<number> {
    const { runner } = this;
    const { signal } = this.#stop;
    // What `open()` took counts as well: its handlers may send, too.
    let sum = runner.held;
    runner.start();
    while (!signal.aborted) {
      await runner.until(() => runner.room > 0 || signal.aborted);
      // A handler that runs now may send to this channel after it was found empty.
      const wasIdle = runner.isIdle;
      const taken = await this.#take(!this.#options.burst);
      sum += taken;
      if (taken > 0 || !this.#options.burst) continue;
      if (wasIdle) break;
      await runner.until(() => runner.isIdle || signal.aborted);
    }
    return sum;
  }

  /**
   * Takes no more, hands back what was not started, and lets what is in hand come to its end; so
   * does what can't be handed back.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#taking.abort();
    this.#rest();
    this.#requeueHeld();
    // What the layer has given nevertheless goes back as well.
    await this.#asking?.catch(() => {});
    await this.#requeuing;
    await this.#reclaim();
    this.runner.stop();
    await this.runner.until(() => this.runner.isEmpty);
  }

  /** Keeps what the layer took for this listener too late, and could not requeue either. */
  async #reclaim(): Promise<void> {
    const { channel, layer, report } = this.#options;
    const reclaimed = await reclaim(layer, channel);
    if (reclaimed.length === 0) return;
    report.took(channel, reclaimed.length);
    this.runner.keep(reclaimed);
  }

  /** Gives up what a stop has left waiting. */
  abandon(reason: Error): void {
    const { channel, report } = this.#options;
    const { length } = this.runner.release();
    if (length > 0) report.lostEvents(channel, length, reason);
  }

  /** Takes what there is room for; gives 0 when it was stopped meanwhile, or found nothing. */
  async #take(wait: boolean): Promise<number> {
    for (let pauseFor = SHORTEST_WAIT;; pauseFor = Math.min(pauseFor * 2, LONGEST_WAIT)) {
      this.#asking = this.#tryToTake(wait);
      const trouble = await this.#asking;
      if (typeof trouble === "number") return trouble;
      this.#options.report.lost(trouble);
      await pause(pauseFor, undefined, { signal: this.#stop.signal }).catch(() => {});
      // Once it answers, the log says so: it must not wait for an event first.
      wait = false;
    }
  }

  async #tryToTake(wait: boolean): Promise<number | LayerUnavailableError> {
    const { report } = this.#options;
    if (this.#stop.signal.aborted) return 0;
    if (this.#taking.signal.aborted) this.#taking = new AbortController();
    const { signal } = this.#taking;
    try {
      // What goes back is older than what would be taken now.
      await this.#requeuing;
      const limit = Math.max(1, this.runner.room);
      const deliveries = await this.#fetch({ limit, wait, signal });
      report.reached();
      if (this.#stop.signal.aborted) {
        if (deliveries.length > 0) await this.#requeue(deliveries);
        return 0;
      }
      // There is more where a full batch comes from: it is asked for before this one is handled.
      this.runner.accept(deliveries, deliveries.length === limit && limit > 1);
      this.#watchForStall();
      return deliveries.length;
    } catch (error) {
      if (signal.aborted) return 0;
      if (error instanceof LayerUnavailableError) return error;
      throw error;
    }
  }

  /** Each event is counted at all times: as asked for, or as received. */
  async #fetch(options: ReceiveManyOptions): Promise<Delivery[]> {
    const { channel, layer, report } = this.#options;
    report.counts.requested += options.limit;
    try {
      const deliveries = await layer.receiveMany(channel, options);
      if (deliveries.length > 0) report.took(channel, deliveries.length);
      return deliveries;
    } finally {
      report.counts.requested -= options.limit;
    }
  }

  /** A handler that takes long must not keep for itself what others could do meanwhile. */
  #watchForStall(pause = STALL): void {
    if (this.#stallTimer !== undefined || this.runner.held === 0) return;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      if (this.runner.stalledFor < STALL) return this.#watchForStall();
      this.#taking.abort();
      this.#requeueHeld();
    }, pause);
  }

  #rest(): void {
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
  }

  #requeueHeld(): void {
    const released = this.runner.release();
    if (released.length === 0) return;
    this.#requeuing = this.#requeuing.then(() => this.#requeue(released));
  }

  async #requeue(released: readonly Delivery[]): Promise<void> {
    const { channel, layer, report } = this.#options;
    try {
      await layer.requeue(released);
      report.requeued(channel, released.length);
    } catch (error) {
      if (!isRejection(error)) return report.lostEvents(channel, released.length, error);
      this.runner.keep(released);
      if (!this.#stop.signal.aborted) this.#watchForStall(NEXT_REQUEUE);
    }
  }
}
