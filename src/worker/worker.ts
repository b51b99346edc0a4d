import { ShutdownTimeoutError } from "../errors.ts";
import { withHandlerContext } from "../layers/internal.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import { ServerResources } from "../protocol/internal.ts";
import type { Application, ChannelScope } from "../protocol/mod.ts";
import { ChannelListener } from "./channel_listener.ts";
import { Counter, type WorkerCounts } from "./counts.ts";
import { type FailedEvent, type LogEntry, WorkerLog } from "./log.ts";

/** Options of a {@linkcode Worker}. */
export interface WorkerOptions {
  /** What handles the events: a router, a consumer's `asAsgi()`, or a plain function. */
  readonly application: Application<ChannelScope>;
  /** Where the events come from. The worker doesn't close it. */
  readonly layer: ChannelLayer;
  /** The channels to listen to: these, and no others. */
  readonly channels: readonly string[];
  /**
   * How many runner of the application run at once for each channel.
   *
   * @default {1}
   */
  readonly concurrency?: number;
  /**
   * How long handlers may go on after the stop, in milliseconds.
   *
   * @default {25_000}
   */
  readonly shutdownTimeout?: number;
  /**
   * Whether to stop once the channels are empty and the handlers idle.
   *
   * @default {false}
   */
  readonly burst?: boolean;
  /** Called for each line of the log; by default nothing is logged. */
  readonly log?: (entry: LogEntry) => void;
  /** Called with each error that an application throws. */
  readonly onError?: (error: unknown, event: FailedEvent) => void;
  /** Called once, when the layer has answered and the worker listens. */
  readonly onListen?: () => void;
}

/** What the command line passes besides: a counter that outlives the thread of the worker. */
export interface CountedWorkerOptions extends WorkerOptions {
  /** Counts the events of the worker. */
  readonly counter?: Counter;
}

/**
 * The protocol server that turns the channels of a layer into scopes: for each it runs the
 * application with the scope `{ type: "channel", channel }`, and feeds it the events.
 *
 * States: `idle` → `running` (by `run()`) → `draining` (by its signal, or when a burst is over) →
 * `idle`. An instance whose handler throws ends; the next event gets a fresh one.
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
  readonly #report: WorkerLog;
  #listeners: readonly ChannelListener[] = [];
  #isStopped = false;

  /**
   * Makes a worker; it does nothing before {@linkcode Worker.run}.
   *
   * @param options What to run, and for which channels.
   * @throws {RangeError} When an option makes no sense.
   */
  constructor(options: WorkerOptions) {
    const { channels, concurrency = 1, shutdownTimeout = 25_000 } = options;
    if (channels.length === 0) throw new RangeError("A worker needs at least one channel");
    if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
      throw new RangeError(`concurrency must be a positive integer: ${concurrency}`);
    }
    if (!(shutdownTimeout >= 0 && shutdownTimeout < 2 ** 31)) {
      throw new RangeError(
        `shutdownTimeout must be milliseconds, not negative: ${shutdownTimeout}`,
      );
    }
    this.#options = options;
    const { log = () => {}, onError = () => {} } = options;
    const { counter = new Counter() }: CountedWorkerOptions = options;
    this.#report = new WorkerLog(log, onError, counter);
  }

  /** What it has done so far, in all its runs; ask as often as you like, each time it is a copy. */
  get counts(): WorkerCounts {
    return this.#report.counts.snapshot;
  }

  /** The events whose handlers run now, as `"channel/type"`. */
  get inFlight(): string[] {
    return this.#listeners.flatMap(({ runner }) => runner.inFlight);
  }

  /**
   * Works until it is told to stop, or the burst is over, and then until all is drained: it takes
   * no more, hands back what was not started, and lets running handlers finish. While the layer
   * can't be reached, what is to be handed back is handled instead.
   *
   * @param options A signal that stops it.
   * @throws {ShutdownTimeoutError} When handlers still ran at the end of `shutdownTimeout`.
   * @throws {ConsumerConfigurationError} When the application can't be run: nothing was taken then.
   * @throws {LayerConfigurationError} When the layer can't be used and waiting makes no sense.
   */
  async run(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#listeners.length > 0) throw new TypeError("The worker runs already");
    this.#isStopped = false;
    await using resources = new ServerResources();
    this.#listeners = this.#makeListeners(resources);
    const stopped = whenAborted(options.signal);
    stopped.promise.then(() => this.#isStopped = true);
    const ready = resources.prepare(this.#options.application, this.#options.channels);
    try {
      await Promise.race([stopped.promise, this.#work(ready)]);
    } finally {
      stopped.forget();
      await this.#drain().finally(() => this.#listeners = []);
    }
  }

  async #work(ready: Promise<void>): Promise<void> {
    const listeners = this.#listeners;
    // Before anything is taken from the layer: an application that can't be run costs no event.
    await ready;
    if (this.#isStopped) return;
    await Promise.all(listeners.map((listener) => listener.open()));
    if (this.#isStopped) return;
    this.#options.onListen?.();
    // A handler may send to a channel that was found empty before: until none has had anything.
    for (let taken = 1; taken > 0 && !this.#isStopped;) {
      const counts = await Promise.all(listeners.map((listener) => listener.listen()));
      taken = counts.reduce((sum, count) => sum + count, 0);
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

  #makeListeners(resources: ServerResources): ChannelListener[] {
    const { layer, channels, concurrency = 1, burst = false } = this.#options;
    const application = resources.provide(withHandlerContext(layer, this.#options.application));
    const shared = { application, layer, concurrency, burst, report: this.#report };
    return [...new Set(channels)].map((channel) => new ChannelListener({ channel, ...shared }));
  }
}

/** A promise of a signal's abort, and the way to forget about it. */
function whenAborted(signal: AbortSignal | undefined): {
  readonly promise: Promise<void>;
  readonly forget: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  const settle = () => resolve();
  if (signal?.aborted) resolve();
  signal?.addEventListener("abort", settle, { once: true });
  return { promise, forget: () => signal?.removeEventListener("abort", settle) };
}
