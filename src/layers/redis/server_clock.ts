import { warnSeldom } from "../warnings.ts";
import { invalidReply, type Reply, textsOf } from "./connection/client.ts";
import type { Connection } from "./connection/connection.ts";

/** By how many milliseconds two clocks may differ without a warning. */
const TOLERANCE = 5_000;

/** How often to ask a server for its time, in milliseconds. */
const INTERVAL = 1_000;

/** How much two clocks may drift apart, as a fraction of the elapsed time. */
const DRIFT = 0.001;

/** The resolution of `Date.now()`, in milliseconds. */
const RESOLUTION = 1;

/**
 * Warns if the clock of this machine and the clock of a server differ.
 *
 * @param server The name of the server.
 * @param time The time of the server at some moment of the last `elapsed` milliseconds, since 1970.
 * @param elapsed The round trip, in milliseconds.
 */
function compareClocks(server: string, time: number, elapsed: number): void {
  const now = Date.now();
  const [ahead, behind] = [now - elapsed - time, time - now];
  if (ahead < TOLERANCE && behind < TOLERANCE) return;
  const difference = ahead > 0 ? `${seconds(ahead)} ahead of` : `${seconds(behind)} behind`;
  warnSeldom(
    `clock of this machine: ${server}`,
    `The clock of this machine is ${difference} the clock of ${server}. Messages expire by the ` +
      "server's clock, but Python processes on this machine use their own: synchronize the clocks",
  );
}

/**
 * The scores of the messages of one sender. The server assigns them by its clock; after a batch it
 * has to be told where to continue. At intervals it is asked for the time of its clock as well.
 */
export class Scores {
  readonly #server: string;
  /** The minimum score of the next message, in microseconds by the server's clock. */
  #next = 0;
  /** Until when the server's clock may be behind that, by the monotonic clock of this process. */
  #until = -Infinity;
  #askedAt = -Infinity;

  constructor(server: string) {
    this.#server = server;
  }

  /** Returns the minimum score to send along with some messages, if the server needs it. */
  hint(count: number): string | undefined {
    const now = performance.now();
    const isDue = now - this.#askedAt > INTERVAL;
    if (count === 1 && now > this.#until && !isDue) return undefined;
    if (isDue) this.#askedAt = now;
    return `${this.#next}`;
  }

  /** Notes the score of the first of some messages that the server has added, in microseconds. */
  note(first: number, count: number, startedAt: number): void {
    const now = performance.now();
    this.#next = first + count;
    this.#until = Math.max(this.#until, now) + count / 1_000;
    compareClocks(this.#server, first / 1_000, now - startedAt);
  }
}

/**
 * The clock of the server of a connection. The server is asked for its time at intervals, and the
 * monotonic clock of this process continues it: the clock of this machine may be wrong, or be set.
 */
export class ServerClock {
  readonly #connection: Connection;
  /** The bounds of the difference between the server's time and the monotonic clock. */
  #lower = -Infinity;
  #upper = Infinity;
  #askedAt = -Infinity;
  /** When the connection was opened that the bounds belong to. */
  #openedAt: number | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether to ask for the time along with the next command. */
  get isDue(): boolean {
    return this.#openedAt !== this.#connection.openedAt ||
      performance.now() - this.#askedAt > INTERVAL;
  }

  /**
   * What to add to a time of the server to get a time of this machine, in milliseconds: 0 as long
   * as the two clocks may agree. A slow reply leaves wide bounds, and must not shift the times of a
   * server whose clock is right.
   */
  get offset(): number {
    if (this.#upper === Infinity) return 0;
    const local = Date.now() - performance.now();
    if (local > this.#lower - RESOLUTION && local < this.#upper + RESOLUTION) return 0;
    return local - (this.#lower + this.#upper) / 2;
  }

  /** Asks for the time; if that fails, the known bounds are used. */
  async ask(): Promise<void> {
    const { openedAt } = this.#connection;
    const askedAt = performance.now();
    if (openedAt === this.#openedAt) this.#widen(askedAt - this.#askedAt);
    else [this.#lower, this.#upper] = [-Infinity, Infinity];
    this.#openedAt = openedAt;
    this.#askedAt = askedAt;
    try {
      this.#note(this.#connection.read(await this.#connection.run(["TIME"]), timeOf), askedAt);
    } catch {
      // The command that is sent along with it fails as well, and shows what is wrong.
    }
  }

  /** Widens the bounds by the possible drift. */
  #widen(elapsed: number): void {
    this.#lower -= elapsed * DRIFT;
    this.#upper += elapsed * DRIFT;
  }

  /** Narrows the bounds by a reply; if it contradicts them, a clock was set. */
  #note(time: number, askedAt: number): void {
    const now = performance.now();
    const lower = Math.max(this.#lower, time - now);
    const upper = Math.min(this.#upper, time - askedAt);
    [this.#lower, this.#upper] = lower <= upper ? [lower, upper] : [time - now, time - askedAt];
    compareClocks(this.#connection.server.name, time, now - askedAt);
  }

  /** Warns if the newest message of a key is from the future: the clock of its sender is ahead. */
  checkNewest(key: string, sentAt: number): void {
    const ahead = sentAt - Date.now();
    if (ahead < TOLERANCE) return;
    const { name } = this.#connection.server;
    warnSeldom(
      `future: ${name}`,
      `A message in ${key} was sent ${seconds(ahead)} in the future by the clock of ${name}: ` +
        "the clock of its sender is ahead, and deletes messages too early",
    );
  }

  /** Warns if a message has expired although a receiver was waiting for it. */
  checkArrival(key: string, sentAt: number, expiry: number): void {
    const age = Date.now() - sentAt;
    if (age < Math.max(expiry, TOLERANCE)) return;
    const { name } = this.#connection.server;
    warnSeldom(
      `expired: ${name}`,
      `A message in ${key} was ${seconds(age)} old when it arrived, by the clock of ${name}, and ` +
        "was dropped: the clock of its sender is behind, or it was requeued too late",
    );
  }
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1_000)} s`;
}

/** Reads a reply to `TIME`, in milliseconds since 1970. */
function timeOf(reply: Reply | undefined): number {
  const [whole, micros] = textsOf(reply);
  const time = Number(whole?.toString()) * 1_000 + Number(micros?.toString()) / 1_000;
  if (Number.isFinite(time)) return time;
  throw invalidReply();
}
