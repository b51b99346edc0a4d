import { onAbort } from "../../../async.ts";
import type { Argument, Client, Reply, Run } from "./client.ts";
import { RedisFailure } from "./failures.ts";

/** How often to check for activity, in milliseconds. */
const MAX_STEP = 1_250;
const MIN_STEP = 250;

/** By how many milliseconds a timer may be late before the event loop counts as blocked. */
const TOLERANCE = 250;

/**
 * A late timer counts for this part of a step: an event loop that blocks repeatedly waits longer.
 */
const LATE_STEPS = 10;

/**
 * How long to wait for a reply, in milliseconds, beyond the time that the command itself blocks.
 */
const REPLY_TIMEOUT = 5_000;

/** The slowest network that is supported, in bytes per millisecond: 1 Mbit/s. */
const SLOWEST_NETWORK = 125;

/** How long a server may still reply to commands that have timed out, in milliseconds. */
const LATE_REPLIES = 30_000;

/** Something that is expected of the other side. */
interface Expectation {
  /** How long the other side may be silent, in milliseconds. */
  timeout: number;
}

/**
 * Detects that the other side is silent; one timer serves all expectations.
 *
 * Only the time in which the event loop was free to read counts: after it was blocked (a CPU-bound
 * handler, SIGSTOP, a suspended machine) timers fire before the sockets are read, and a reply that
 * arrived long ago would look like silence.
 */
class Watchdog<E extends Expectation> {
  readonly #onSilence: () => void;
  /** The oldest first: replies arrive in the order of the commands. */
  readonly #expected = new Set<E>();
  #lastActivity = 0;
  /** How long there was no activity while the event loop could have read it, at most. */
  #silence = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** What has not arrived yet. */
  get expected(): ReadonlySet<E> {
    return this.#expected;
  }

  expect(expectation: E): void {
    if (this.#expected.size === 0) {
      this.#silence = 0;
      this.noteActivity();
    }
    this.#expected.add(expectation);
    if (!this.#timer) this.#arm();
  }

  /** Removes an expectation: it was met, or is no longer needed. */
  settle(expectation: E): void {
    this.#expected.delete(expectation);
    this.noteActivity();
  }

  /** Notes that the other side is alive. */
  noteActivity(): void {
    this.#lastActivity = performance.now();
  }

  /** Stops the timer until something else is expected. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get #timeout(): number {
    for (const { timeout } of this.#expected) return timeout;
    return 0;
  }

  #arm(): void {
    const left = this.#timeout - this.#silence;
    const step = Math.max(MIN_STEP, Math.min(MAX_STEP, left));
    const due = performance.now() + step;
    this.#timer = setTimeout(() => this.#check(due, step), step);
  }

  #check(due: number, step: number): void {
    this.#timer = undefined;
    const now = performance.now();
    const listened = now - due > TOLERANCE ? step / LATE_STEPS : step;
    this.#silence = Math.min(this.#silence + listened, now - this.#lastActivity);
    if (this.#expected.size === 0) return;
    // Without a margin, a timer that fires a moment early would cost a whole step.
    if (this.#silence + TOLERANCE / 10 >= this.#timeout) this.#onSilence();
    if (this.#expected.size > 0) this.#arm();
  }
}

/**
 * Does some work with a time limit that ignores a blocked event loop.
 *
 * @param timeout The time limit, in milliseconds.
 * @param signal Aborts the work as well.
 * @param work Does the work, and stops when its signal is aborted.
 */
export async function inTime<T>(
  timeout: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const ending = new AbortController();
  const watchdog = new Watchdog(() => ending.abort(new RedisFailure("timeout")));
  watchdog.expect({ timeout });
  using _listener = onAbort(signal, (reason) => ending.abort(reason));
  try {
    return await work(ending.signal);
  } finally {
    watchdog.rest();
  }
}

/** Options for running a command. */
export interface RunOptions {
  /** How long the command itself may block, in milliseconds. */
  readonly blocksFor?: number;
  /** Called with a reply that arrives after the command has timed out. */
  readonly onLateReply?: (reply: Reply) => void;
}

/** Options for a {@linkcode Link}. */
export interface LinkOptions {
  readonly client: Client;
  /** Whether another server may replace this one: then silence closes the link. */
  readonly isReplaceable: boolean;
  readonly onEnd: (link: Link) => void;
}

interface Command extends Expectation {
  readonly reject: (error: Error) => void;
  readonly onLateReply?: ((reply: Reply) => void) | undefined;
}

/**
 * A connected client. A link that is replaced is retired: pending commands still get their replies,
 * and after the last one the client is closed.
 */
export class Link {
  readonly client: Client;
  readonly #options: LinkOptions;
  readonly #watchdog = new Watchdog<Command>(() => this.#timeOut());
  #isRetired = false;
  #isSilent = false;
  #hasEnded = false;
  #holders = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.client = options.client;
    this.client.onReceived?.(() => this.#watchdog.noteActivity());
  }

  /** Whether it accepts commands. */
  get isUsable(): boolean {
    return !this.#isRetired && this.client.isReady;
  }

  /** Runs a command; it rejects if the server is silent for too long. */
  run(
    args: readonly Argument[],
    { blocksFor = 0, onLateReply }: RunOptions,
    run: Run = this.client.run,
  ): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const timeout = REPLY_TIMEOUT + blocksFor + sizeOf(args) / SLOWEST_NETWORK;
    const command: Command = { timeout, reject, onLateReply };
    this.#watchdog.expect(command);
    run(args).then((reply) => {
      if (this.#isSilent) onLateReply?.(reply);
      resolve(reply);
    }, reject).finally(() => this.#settle(command));
    return promise;
  }

  /** Keeps the link open during work that consists of several commands. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#holders++;
    try {
      return await work();
    } finally {
      this.#holders--;
      this.#endIfIdle();
    }
  }

  /** Accepts no more commands, and ends after the pending ones. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfIdle();
  }

  /** Closes the client; pending commands reject. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = this.#isRetired = true;
    this.#watchdog.rest();
    this.client.destroy();
    this.#options.onEnd(this);
  }

  #settle(command: Command): void {
    this.#watchdog.settle(command);
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const isIdle = this.#holders === 0 && this.#watchdog.expected.size === 0;
    if (this.#isRetired && isIdle) this.end();
  }

  /**
   * Rejects pending commands. The server may only be suspended: what it removes from a channel
   * after it continues must not be lost with the connection, so that is kept open for a while.
   */
  #timeOut(): void {
    if (this.#isSilent) return this.end();
    this.#isSilent = this.#isRetired = true;
    for (const command of this.#watchdog.expected) {
      command.timeout += LATE_REPLIES;
      command.reject(new RedisFailure("timeout"));
    }
    if (this.#options.isReplaceable) this.end();
  }
}

function sizeOf(args: readonly Argument[]): number {
  let size = 0;
  for (const { length } of args) size += length;
  return size;
}
