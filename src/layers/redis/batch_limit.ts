import type { Run } from "./connection/client.ts";
import { failureOf } from "./connection/failures.ts";

/** How long the transfer of a reply should take at most, in milliseconds. */
const MAX_TRANSFER = 1_000;

/** How many bytes of messages one command removes: the network decides between these. */
const MIN_BYTES = 65_536;
const FIRST_BYTES = 1_048_576;
const MAX_BYTES = 33_554_432;

/** By which factor the limit may grow after a fast transfer. */
const GROWTH = 8;

/** How many messages to remove from a key while their size is unknown. */
const UNMEASURED = 16;

/** What is known of a key. */
interface Measured {
  readonly name: string;
  /** How many of its next messages one command may remove. */
  readonly fits: number;
  /** Whether it held more than the last command removed. */
  readonly hasMore: boolean;
}

/**
 * Limits the size of a batch, so that the transfer of a reply takes about a second at most,
 * whatever the network and the messages are. A plain `ZPOPMIN` costs Redis the least, but it only
 * counts: if there is more, the size of the next messages is requested along with it.
 */
export class BatchLimit {
  #bytes = FIRST_BYTES;
  #last: Measured | undefined;
  #canMeasure = true;

  /** How many bytes one command may remove. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the server reports the size of messages. */
  get canMeasure(): boolean {
    return this.#canMeasure;
  }

  /** Returns how many messages to remove from a key at most. */
  countFor(name: string): number {
    return this.#last?.name === name ? this.#last.fits : UNMEASURED;
  }

  /** Returns whether a key is known to hold more than the last command removed. */
  hasMore(name: string): boolean {
    return this.#last?.name === name && this.#last.hasMore;
  }

  /** Returns the mean size of the next messages of a key, if the server reports it. */
  async measure(name: string, count: number, run: Run): Promise<number | undefined> {
    const commands = [["MEMORY", "USAGE", name, "SAMPLES", `${count}`], ["ZCARD", name]];
    try {
      const [size, length] = await Promise.all(commands.map((command) => run(command)));
      return Number(size) / Number(length) || undefined;
    } catch (error) {
      if (isUnsupported(error)) this.#canMeasure = false;
      return;
    }
  }

  /**
   * Notes whether a command removed as many messages as it could, and the size of the next ones.
   */
  noteKey(name: string, isFull: boolean, size: number | undefined): void {
    const fits = size ? Math.max(1, Math.floor(this.#bytes / size)) : UNMEASURED;
    this.#last = { name, fits, hasMore: isFull || size !== undefined };
  }

  /** Notes how long the transfer of some bytes took. */
  noteTime(bytes: number, milliseconds: number): void {
    const carried = bytes / milliseconds * MAX_TRANSFER;
    if (milliseconds > MAX_TRANSFER) {
      // If a few bytes took long, the server was slow, not the network.
      if (bytes >= MIN_BYTES) {
        this.#bytes = Math.max(MIN_BYTES, Math.min(this.#bytes, carried));
      }
    } else if (2 * bytes >= this.#bytes) {
      const largest = Math.min(MAX_BYTES, this.#bytes * GROWTH, carried);
      this.#bytes = Math.max(this.#bytes, largest);
    }
    this.#bytes = Math.ceil(this.#bytes);
  }
}

/** Returns whether the access rules deny a command, or the server does not know it. */
function isUnsupported(error: unknown): boolean {
  const kind = failureOf(error)?.kind;
  return kind === "accessDenied" || kind === "unknownCommand" || kind === "rejected";
}
