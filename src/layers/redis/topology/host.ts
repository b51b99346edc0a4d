import process from "node:process";
import { LayerUnavailableError } from "../../../errors.ts";
import type { RedisStore } from "../store.ts";
import { isAway } from "../connection/failures.ts";

/** How long to wait before a lost host is asked again, in milliseconds: it grows. */
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 2_000;

/** What a layer of several hosts tells of one of them. */
export interface HostChange {
  /** The host's URL, without secrets. */
  readonly host: string;
  /** Whether it is back, or else lost. */
  readonly isReachable: boolean;
  /** Why it is lost. */
  readonly error?: Error;
}

/** What a host is made of. */
export interface HostOptions {
  readonly name: string;
  readonly store: RedisStore;
  readonly onChange: (change: HostChange) => void;
}

/** One of several hosts: it may be lost, and then it is asked again until it is back. */
export class Host {
  readonly #options: HostOptions;
  readonly store: RedisStore;
  #failure: LayerUnavailableError | undefined;
  #returned = Promise.withResolvers<void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.store = options.store;
  }

  /** Why it can't be used, if so. */
  get failure(): LayerUnavailableError | undefined {
    return this.#failure;
  }

  /** Settles when it can be used again, or is closed. */
  get returned(): Promise<void> {
    return this.#failure && !this.#closed ? this.#returned.promise : Promise.resolve();
  }

  /**
   * Does something with the host; if that shows that it is lost, it is asked again until it is back.
   *
   * @throws {LayerUnavailableError} When it is lost.
   */
  async use<T>(work: (store: RedisStore) => Promise<T>): Promise<T> {
    // Not the failure itself: what failed then may be done, and this isn't even begun.
    if (this.#failure) throw againUnavailable(this.#failure);
    try {
      return await work(this.store);
    } catch (error) {
      if (isAway(error)) this.#lose(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#returned.resolve();
    await this.store.close();
  }

  #lose(failure: LayerUnavailableError): void {
    if (this.#failure || this.#closed) return;
    this.#failure = failure;
    this.#returned = Promise.withResolvers();
    this.#askAgain(SHORTEST_WAIT, false);
  }

  /** That it is lost is told when it doesn't answer the first time. */
  async #askAgain(wait: number, isTold: boolean): Promise<void> {
    const error = await this.store.probe().then(() => undefined, (error) => error);
    if (this.#closed) return;
    if (!error) {
      this.#failure = undefined;
      this.#returned.resolve();
      if (isTold) this.#tell({ host: this.#options.name, isReachable: true });
      return;
    }
    if (!isTold) this.#tell({ host: this.#options.name, isReachable: false, error });
    const next = () => void this.#askAgain(Math.min(wait * 2, LONGEST_WAIT), true);
    this.#timer = setTimeout(next, wait);
  }

  #tell(change: HostChange): void {
    try {
      this.#options.onChange(change);
    } catch (error) {
      process.emitWarning(`onHostChange itself failed: ${error}`, "ChannelsWarning");
    }
  }
}

function againUnavailable({ layer, reason, cause }: LayerUnavailableError): LayerUnavailableError {
  return new LayerUnavailableError({ layer, reason, cause });
}
