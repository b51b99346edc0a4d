import process from "node:process";
import { Backoff } from "../../../async.ts";
import { LayerUnavailableError } from "../../../errors/mod.ts";
import { isUnreachable } from "../connection/failures.ts";
import type { RedisStore } from "../store.ts";

/** The delays between the attempts to reach a lost host, in milliseconds. */
const RETRIES = { min: 50, max: 2_000 };

/** A change of the state of one of several hosts. */
export interface HostChange {
  /** The host's URL, without secrets. */
  readonly host: string;
  /** Whether the host is reachable again; `false` if the connection to it was lost. */
  readonly isReachable: boolean;
  /** Why it is unreachable. */
  readonly error?: Error;
}

/** Options for a {@linkcode Host}. */
export interface HostOptions {
  readonly name: string;
  readonly store: RedisStore;
  readonly onChange: (change: HostChange) => void;
}

/** One of several hosts. While it is unreachable, it is probed with backoff. */
export class Host {
  readonly #options: HostOptions;
  readonly store: RedisStore;
  readonly #closing = new AbortController();
  #failure: LayerUnavailableError | undefined;
  #recovered = Promise.withResolvers<void>();

  constructor(options: HostOptions) {
    this.#options = options;
    this.store = options.store;
  }

  /** Why it cannot be used, if so. */
  get failure(): LayerUnavailableError | undefined {
    return this.#failure;
  }

  /** Resolves when it can be used again, or is closed. */
  get recovered(): Promise<void> {
    const isUnusable = this.#failure && !this.#closing.signal.aborted;
    return isUnusable ? this.#recovered.promise : Promise.resolve();
  }

  /**
   * Does something with the host; if that shows that it is unreachable, the host starts to be
   * probed.
   *
   * @throws {LayerUnavailableError} If it is unreachable.
   */
  async use<T>(work: (store: RedisStore) => Promise<T>): Promise<T> {
    // Not the failure itself: its outcome may be unknown, but this work has not begun.
    if (this.#failure) throw stillUnavailable(this.#failure);
    try {
      return await work(this.store);
    } catch (error) {
      if (isUnreachable(error)) this.#lose(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#recovered.resolve();
    await this.store.close();
  }

  #lose(failure: LayerUnavailableError): void {
    if (this.#failure || this.#closing.signal.aborted) return;
    this.#failure = failure;
    this.#recovered = Promise.withResolvers();
    this.#probe();
  }

  /** Probes until the host replies; the loss is reported only if the first probe fails. */
  async #probe(): Promise<void> {
    const { name: host } = this.#options;
    const { signal } = this.#closing;
    const backoff = new Backoff(RETRIES);
    for (let isReported = false;; isReported = true) {
      const error = await this.store.probe().then(() => undefined, (error) => error);
      if (signal.aborted) return;
      if (!error) return this.#recover(isReported);
      if (!isReported) this.#report({ host, isReachable: false, error });
      await backoff.wait(signal);
      if (signal.aborted) return;
    }
  }

  #recover(isReported: boolean): void {
    this.#failure = undefined;
    this.#recovered.resolve();
    if (isReported) this.#report({ host: this.#options.name, isReachable: true });
  }

  #report(change: HostChange): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      process.emitWarning(`onHostChange threw an error: ${error}`, "ChannelsWarning");
    }
  }
}

function stillUnavailable({ layer, reason, cause }: LayerUnavailableError): LayerUnavailableError {
  return new LayerUnavailableError({ layer, reason, cause });
}
