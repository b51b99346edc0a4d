import { untilAborted } from "../async.ts";
import { ShutdownTimeoutError } from "../errors/mod.ts";
import { withHandlerContext } from "../layers/internal.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import { ServerResources } from "../protocol/internal.ts";
import type { AnyApplication, ChannelScope } from "../protocol/mod.ts";
import { ChannelListener } from "./channel_listener.ts";
import { Counter, type WorkerCounts } from "./counts.ts";
import { type DroppedEvent, type FailedEvent, type LogEntry, WorkerLog } from "./log.ts";

/** The longest delay of a timer, in milliseconds. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** Options for a {@linkcode Worker}. */
export interface WorkerOptions {
  /** The application that handles the events: a router, a consumer's `asAsgi()`, or a function. */
  readonly application: AnyApplication<ChannelScope>;
  /** The layer to receive from. The worker doesn't close it. */
  readonly layer: ChannelLayer;
  /** The channels to listen to, at least one. The worker receives from no others. */
  readonly channels: readonly string[];
  /**
   * The maximum number of application instances that run at the same time, for each channel.
   *
   * @default {1}
   */
  readonly concurrency?: number;
  /**
   * How long running handlers may take after the worker is stopped, in milliseconds.
   *
   * @default {25_000}
   */
  readonly shutdownTimeout?: number;
  /**
   * Whether the worker stops by itself when its channels are empty and no handler runs.
   *
   * @default {false}
   */
  readonly burst?: boolean;
  /** Called with each entry of the log. By default, nothing is logged. */
  readonly log?: (entry: LogEntry) => void;
  /** Called with each error that the application throws, and the event that it was handling. */
  readonly onError?: (error: unknown, event: FailedEvent) => void;
  /** Called with each event that is dropped: expired, invalid, without a handler, undecodable. */
  readonly onDrop?: (drop: DroppedEvent) => void;
  /** Called once in each run, when the layer is available and the worker starts to handle events. */
  readonly onListen?: () => void;
}

/** Options that only the command line uses. */
export interface CountedWorkerOptions extends WorkerOptions {
  /** Counts the events of the worker, even if the worker's thread is terminated. */
  readonly counter?: Counter;
}

/**
 * A protocol server for channels: receives the events of channels from a layer, and runs the
 * application with the scope `{ type: "channel", channel }` to handle them.
 *
 * For each channel, the worker runs up to `concurrency` instances of the application. An instance
 * handles one event at a time and is kept between events. If it returns or throws, the next event
 * gets a new one. The worker fetches the events that its instances can start now, plus at most about
 * 10 ms of work.
 *
 * States: `idle` → `running` (by `run()`) → `draining` (by its signal, or at the end of a burst) →
 * `idle`.
 *
 * The name is also that of a web API: `import { Worker as ChannelWorker }` keeps both.
 *
 * @example Usage
 * ```ts
 * import { MemoryChannelLayer, Worker } from "@asgi/channels";
 *
 * await using layer = new MemoryChannelLayer();
 * const worker = new Worker({
 *   layer,
 *   channels: ["letters"],
 *   burst: true,
 *   application: async (scope, receive) => {
 *     for (;;) console.log(scope.channel, await receive());
 *   },
 * });
 * await layer.send("letters", { type: "letter.sent" });
 * await worker.run();
 * ```
 */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #log: WorkerLog;
  #listeners: readonly ChannelListener[] = [];
  #isStopped = false;

  /**
   * Creates a worker. It does nothing until {@linkcode Worker.run} is called.
   *
   * @param options The application, its layer and channels, and how to run it.
   * @throws {RangeError} If there is no channel, or a number is not in its range.
   */
  constructor(options: WorkerOptions) {
    const { channels, concurrency = 1, shutdownTimeout = 25_000 } = options;
    if (channels.length === 0) {
      throw new RangeError("channels must not be empty: a worker needs at least one channel");
    }
    if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
      throw new RangeError(`concurrency must be a positive integer, got ${concurrency}`);
    }
    if (!(shutdownTimeout >= 0 && shutdownTimeout <= MAX_TIMEOUT)) {
      throw new RangeError(
        `shutdownTimeout must be a number of milliseconds from 0 to ${MAX_TIMEOUT}, ` +
          `got ${shutdownTimeout}`,
      );
    }
    this.#options = options;
    const { counter = new Counter() }: CountedWorkerOptions = options;
    this.#log = new WorkerLog(options, counter);
  }

  /** The counts of all runs so far. Each access returns a new copy. */
  get counts(): WorkerCounts {
    return this.#log.counter.snapshot;
  }

  /** The events that are being handled now, as `"channel/type"`. */
  get inFlight(): string[] {
    return this.#listeners.flatMap(({ runner }) => runner.inFlight);
  }

  /**
   * Listens to the channels until the signal is aborted or the burst is over, and then shuts down
   * gracefully: the worker stops fetching, requeues unstarted events and waits for running handlers.
   * If the layer cannot requeue them, the worker handles them as well.
   *
   * While the layer is unavailable, the worker retries indefinitely, with backoff.
   *
   * @param options A signal that stops the worker.
   * @returns A promise that resolves when the worker has shut down.
   * @throws {TypeError} If the worker is already running, or the name of a channel is invalid.
   * @throws {ShutdownTimeoutError} If handlers are still running at the end of `shutdownTimeout`.
   * @throws {ConsumerConfigurationError} If the application cannot run. No event was received.
   * @throws {LayerConfigurationError} If the layer cannot be used until its configuration changes.
   * @throws {LayerClosedError} If the layer is closed meanwhile.
   */
  async run(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#listeners.length > 0) throw new TypeError("The worker is already running");
    this.#isStopped = false;
    await using resources = new ServerResources();
    this.#listeners = this.#createListeners(resources);
    using stopped = untilAborted(options.signal);
    stopped.promise.then(() => this.#isStopped = true);
    const ready = resources.prepare(this.#options.application, this.#options.channels);
    try {
      await Promise.race([stopped.promise, this.#work(ready)]);
    } finally {
      await this.#drain().finally(() => this.#listeners = []);
    }
  }

  async #work(ready: Promise<void>): Promise<void> {
    const listeners = this.#listeners;
    // Before the first fetch: an application that cannot run loses no event.
    await ready;
    if (this.#isStopped) return;
    await Promise.all(listeners.map((listener) => listener.open()));
    if (this.#isStopped) return;
    this.#options.onListen?.();
    // In a burst, a handler may have sent to a channel that was already found empty.
    for (let events = 1; events > 0 && !this.#isStopped;) {
      const counts = await Promise.all(listeners.map((listener) => listener.listen()));
      events = counts.reduce((sum, count) => sum + count, 0);
    }
  }

  async #drain(): Promise<void> {
    const { shutdownTimeout = 25_000 } = this.#options;
    const { promise, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), shutdownTimeout);
    const drained = Promise.all(this.#listeners.map((listener) => listener.stop()));
    const outcome = await Promise.race([promise, drained]);
    clearTimeout(timer);
    if (outcome !== "late") return;
    const error = new ShutdownTimeoutError({
      timeout: shutdownTimeout,
      interrupted: this.inFlight,
    });
    for (const listener of this.#listeners) listener.abandon(error);
    throw error;
  }

  #createListeners(resources: ServerResources): ChannelListener[] {
    const { layer, channels, concurrency = 1, burst = false } = this.#options;
    const application = resources.provide(withHandlerContext(layer, this.#options.application));
    const shared = { application, layer, concurrency, burst, log: this.#log };
    return [...new Set(channels)].map((channel) => new ChannelListener({ channel, ...shared }));
  }
}
