import { warnSeldom } from "../warnings.ts";
import type { Connection } from "./connection/connection.ts";
import type { Reply } from "./connection/client.ts";
import { StrangeReplyError, textsOf } from "./connection/client.ts";

/** From which difference on two clocks are said to differ, in milliseconds. */
const TOLERANCE = 5_000;

/** How often to ask a server for its time while it is received from, in milliseconds. */
const INTERVAL = 1_000;

/** How much two clocks may drift apart, as a part of the time that passes. */
const DRIFT = 0.001;

/** How finely `Date.now()` shows the time, in milliseconds. */
const RESOLUTION = 1;

/**
 * Warns when the clock of this machine and that of a server differ.
 *
 * @param server The name of the server.
 * @param time The time of the server within the last `elapsed` milliseconds, since 1970.
 * @param elapsed Milliseconds.
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
 * The scores of what one sender sends: a server gives them out by its own clock. After many at once
 * it has to be told where to go on; and once in a while it is asked what its clock says.
 */
export class Scores {
  readonly #server: string;
  /** The least score of the next message, in microseconds by the server's clock. */
  #next = 0;
  /** Until when the server's clock may be behind that, by this process's monotonic clock. */
  #until = -Infinity;
  #askedAt = -Infinity;

  constructor(server: string) {
    this.#server = server;
  }

  /** What the server has to be told before it adds some messages; nothing if it needn't know. */
  hint(count: number): string | undefined {
    const now = performance.now();
    const isDue = now - this.#askedAt > INTERVAL;
    if (count === 1 && now > this.#until && !isDue) return undefined;
    if (isDue) this.#askedAt = now;
    return `${this.#next}`;
  }

  /** Notes that the server has added some messages, beginning with a score in microseconds. */
  note(first: number, count: number, startedAt: number): void {
    const now = performance.now();
    this.#next = first + count;
    this.#until = Math.max(this.#until, now) + count / 1_000;
    compareClocks(this.#server, first / 1_000, now - startedAt);
  }
}

/**
 * The clock of the server behind a connection. It is asked for its time once in a while, and carried
 * on by this process's monotonic clock: the clock of this machine may be wrong, and may be set.
 */
export class ServerClock {
  readonly #connection: Connection;
  /** Between which bounds the server's time minus the monotonic clock is. */
  #lower = -Infinity;
  #upper = Infinity;
  #askedAt = -Infinity;
  /** The connection, of those that were opened one after the other, that the bounds are about. */
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
   * What to add to a time of the server to get one of this machine, in milliseconds: nothing, as long
   * as the two clocks may agree. A slow answer says little, and must not move the times of a server
   * whose clock is right.
   */
  get offset(): number {
    if (this.#upper === Infinity) return 0;
    const local = Date.now() - performance.now();
    if (local > this.#lower - RESOLUTION && local < this.#upper + RESOLUTION) return 0;
    return local - (this.#lower + this.#upper) / 2;
  }

  /** Asks for the time; if the server doesn't say, what was known is used. */
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
      // The command that is sent along with it shows what is wrong.
    }
  }

  /** The longer ago it was asked, the less is known. */
  #widen(elapsed: number): void {
    this.#lower -= elapsed * DRIFT;
    this.#upper += elapsed * DRIFT;
  }

  /** Narrows the bounds by an answer; where it contradicts them, a clock was set. */
  #note(time: number, askedAt: number): void {
    const now = performance.now();
    const lower = Math.max(this.#lower, time - now);
    const upper = Math.min(this.#upper, time - askedAt);
    [this.#lower, this.#upper] = lower <= upper ? [lower, upper] : [time - now, time - askedAt];
    compareClocks(this.#connection.server.name, time, now - askedAt);
  }

  /** Warns when the newest message of a key is from the future: by the clock of its sender. */
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

  /** Warns when a message has expired by the time that it arrives where it was waited for. */
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

/** @throws {StrangeReplyError} If it isn't what `TIME` answers. */
function timeOf(reply: Reply | undefined): number {
  const [whole, micros] = textsOf(reply);
  const time = Number(whole?.toString()) * 1_000 + Number(micros?.toString()) / 1_000;
  if (Number.isFinite(time)) return time;
  throw new StrangeReplyError();
}
