import type { Argument, Reply } from "./connection/client.ts";
import { isReply } from "./connection/failures.ts";

/** How long an answer should take on its way at most, in milliseconds. */
const LONGEST_WAY = 1_000;

/** How many bytes of messages one command takes: the network decides between these. */
const FEWEST_BYTES = 65_536;
const FIRST_BYTES = 1_048_576;
const MOST_BYTES = 33_554_432;

/** How much more the next one may take, where the network has carried the last one in no time. */
const GROWTH = 8;

/** How many messages to take of a key as long as their size isn't known. */
const UNMEASURED = 16;

/** What is known of a key. */
interface Measured {
  readonly name: string;
  /** How many of its next messages one command may take. */
  readonly fits: number;
  /** Whether it held more than was taken last. */
  readonly hasMore: boolean;
}

/** Runs a command; rejects with what the layer says to a failure. */
type RunCommand = (args: readonly Argument[]) => Promise<Reply>;

/**
 * Limits what one command takes, so that its answer is on its way for about a second at most,
 * whatever the network and the messages are. A plain `ZPOPMIN` costs Redis the least, but knows only
 * numbers: the size of what comes next is asked for along with it, when there is more.
 */
export class BatchLimit {
  #bytes = FIRST_BYTES;
  #last: Measured | undefined;
  #canMeasure = true;

  /** How many bytes one command may take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the server tells how large its messages are. */
  get canMeasure(): boolean {
    return this.#canMeasure;
  }

  /** How many messages to take of a key, if more are wanted. */
  countFor(name: string): number {
    return this.#last?.name === name ? this.#last.fits : UNMEASURED;
  }

  /** Whether a key is known to hold more than was taken of it. */
  hasMore(name: string): boolean {
    return this.#last?.name === name && this.#last.hasMore;
  }

  /** The mean size of so many messages that come next in a key, if it can be told. */
  async measure(name: string, count: number, run: RunCommand): Promise<number | undefined> {
    const commands = [["MEMORY", "USAGE", name, "SAMPLES", `${count}`], ["ZCARD", name]];
    try {
      const [size, length] = await Promise.all(commands.map(run));
      return Number(size) / Number(length) || undefined;
    } catch (error) {
      // The user hasn't the right to, or the server doesn't know the command.
      if (error instanceof Error && isRefusal(error.cause)) this.#canMeasure = false;
      return;
    }
  }

  /** Notes whether all was taken of a key that was asked for, and how large the next messages are. */
  noteKey(name: string, isFull: boolean, size: number | undefined): void {
    const fits = size ? Math.max(1, Math.floor(this.#bytes / size)) : UNMEASURED;
    this.#last = { name, fits, hasMore: isFull || size !== undefined };
  }

  /** Notes how long so many bytes took. */
  noteTime(bytes: number, milliseconds: number): void {
    const carried = bytes / milliseconds * LONGEST_WAY;
    if (milliseconds > LONGEST_WAY) {
      // A few bytes that took long say something about the server, not about the network.
      if (bytes >= FEWEST_BYTES) {
        this.#bytes = Math.max(FEWEST_BYTES, Math.min(this.#bytes, carried));
      }
    } else if (2 * bytes >= this.#bytes) {
      const largest = Math.min(MOST_BYTES, this.#bytes * GROWTH, carried);
      this.#bytes = Math.max(this.#bytes, largest);
    }
    this.#bytes = Math.ceil(this.#bytes);
  }
}

function isRefusal(cause: unknown): boolean {
  return isReply(cause) && /^(NOPERM|ERR)\b/.test((cause as Error).message);
}
