import { Backoff } from "../async.ts";
import { isRejection, LayerUnavailableError } from "../errors/mod.ts";
import { reclaim } from "../layers/internal.ts";
import type { ChannelLayer, Delivery, ReceiveManyOptions } from "../layers/mod.ts";
import { Runner, type RunnerOptions } from "./runner.ts";

/** The delays between attempts to reach an unavailable layer, in milliseconds. */
const RETRY_DELAYS = { min: 50, max: 2_000 };

/** When all handlers have been busy for so long, unstarted events are requeued, in milliseconds. */
const STALL = 50;

/** The delay before a rejected requeue is attempted again, in milliseconds. */
const REQUEUE_DELAY = 1_000;

/** Options for a {@linkcode ChannelListener}. */
export interface ListenerOptions extends RunnerOptions {
  readonly layer: ChannelLayer;
  /** Whether to return once the channel is empty and no handler runs. */
  readonly burst: boolean;
}

/**
 * Fetches the events of one channel for its runner, never more than the runner's credit, and
 * requeues those that the runner cannot start soon.
 */
export class ChannelListener {
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  readonly #backoff = new Backoff(RETRY_DELAYS);
  /** Aborts the pending fetch, when the listener stops or its handlers stall. */
  #fetching = new AbortController();
  #attempt: Promise<number | LayerUnavailableError> | undefined;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #requeuing: Promise<void> = Promise.resolve();
  /** Runs the application for the channel. */
  readonly runner: Runner;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.runner = new Runner(options);
  }

  /**
   * Fetches for the first time, as soon as the layer is available. The events wait for `listen()`.
   *
   * @throws {LayerConfigurationError} If the layer cannot be used.
   */
  async open(): Promise<void> {
    await this.#fetch(false);
  }

  /**
   * Fetches events for the runner until the listener is stopped; in a burst, until the channel is
   * empty and no handler runs.
   *
   * @returns The number of events.
   */
  async listen(): Promise<number> {
    const { runner } = this;
    const { signal } = this.#stop;
    // The handlers of the events that `open()` fetched may send events, too.
    let sum = runner.unstarted;
    runner.start();
    while (!signal.aborted) {
      await runner.until(() => runner.credit > 0 || signal.aborted);
      // A handler that runs now may send to this channel after it was found empty.
      const wasIdle = runner.isIdle;
      const fetched = await this.#fetch(!this.#options.burst);
      sum += fetched;
      if (fetched > 0 || !this.#options.burst) continue;
      if (wasIdle) break;
      await runner.until(() => runner.isIdle || signal.aborted);
    }
    return sum;
  }

  /**
   * Stops fetching, requeues unstarted events, and waits for running handlers. Events that cannot be
   * requeued are handled.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#fetching.abort();
    clearTimeout(this.#stallTimer);
    this.#stallTimer = undefined;
    this.#requeueUnstarted();
    // A fetch that was aborted too late returns events: they are requeued as well.
    await this.#attempt?.catch(() => {});
    await this.#requeuing;
    await this.#reclaim();
    this.runner.stop();
    await this.runner.until(() => this.runner.hasEnded);
  }

  /** Takes over events that the layer fetched too late for this listener and could not requeue. */
  async #reclaim(): Promise<void> {
    const { channel, layer, log } = this.#options;
    const reclaimed = await reclaim(layer, channel);
    if (reclaimed.length === 0) return;
    log.fetched(channel, reclaimed.length);
    this.runner.restore(reclaimed);
  }

  /** Counts as lost the events that are still unstarted when the time for a stop is over. */
  abandon(reason: Error): void {
    const { channel, log } = this.#options;
    const { length } = this.runner.removeUnstarted();
    if (length > 0) log.lost(channel, length, reason);
  }

  /** Fetches as many events as the runner has credit for, and returns how many there were. */
  async #fetch(wait: boolean): Promise<number> {
    for (;;) {
      this.#attempt = this.#tryToFetch(wait);
      const result = await this.#attempt;
      if (typeof result === "number") {
        this.#backoff.reset();
        return result;
      }
      this.#options.log.disconnected(result);
      await this.#backoff.wait(this.#stop.signal);
      // The log must report the recovery at once, not with the next event.
      wait = false;
    }
  }

  /** Returns 0 if the listener is stopped meanwhile. */
  async #tryToFetch(wait: boolean): Promise<number | LayerUnavailableError> {
    if (this.#stop.signal.aborted) return 0;
    if (this.#fetching.signal.aborted) this.#fetching = new AbortController();
    const { signal } = this.#fetching;
    try {
      // Requeued events are older than those to be fetched now.
      await this.#requeuing;
      const limit = Math.max(1, this.runner.credit);
      const deliveries = await this.#receive({ limit, wait, signal });
      this.#options.log.connected(this.#options.layer);
      if (this.#stop.signal.aborted) {
        if (deliveries.length > 0) await this.#requeue(deliveries);
        return 0;
      }
      // After a full batch there are probably more events.
      this.runner.accept(deliveries, deliveries.length === limit && limit > 1);
      this.#watchForStall();
      return deliveries.length;
    } catch (error) {
      if (signal.aborted) return 0;
      if (error instanceof LayerUnavailableError) return error;
      throw error;
    }
  }

  /** Each event is counted at all times: as requested, or as received. */
  async #receive(options: ReceiveManyOptions): Promise<Delivery[]> {
    const { channel, layer, log } = this.#options;
    log.counter.requested += options.limit;
    try {
      const deliveries = await layer.receiveMany(channel, options);
      if (deliveries.length > 0) log.fetched(channel, deliveries.length);
      return deliveries;
    } finally {
      log.counter.requested -= options.limit;
    }
  }

  /** Other workers could handle the events that wait behind a long-running handler. */
  #watchForStall(delay = STALL): void {
    if (this.#stallTimer !== undefined || this.runner.unstarted === 0) return;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      if (this.runner.stalledFor < STALL) return this.#watchForStall();
      this.#fetching.abort();
      this.#requeueUnstarted();
    }, delay);
  }

  #requeueUnstarted(): void {
    const unstarted = this.runner.removeUnstarted();
    if (unstarted.length === 0) return;
    this.#requeuing = this.#requeuing.then(() => this.#requeue(unstarted));
  }

  async #requeue(unstarted: readonly Delivery[]): Promise<void> {
    const { channel, layer, log } = this.#options;
    try {
      await layer.requeue(unstarted);
      log.requeued(channel, unstarted.length);
    } catch (error) {
      if (!isRejection(error)) return log.lost(channel, unstarted.length, error);
      this.runner.restore(unstarted);
      if (!this.#stop.signal.aborted) this.#watchForStall(REQUEUE_DELAY);
    }
  }
}
