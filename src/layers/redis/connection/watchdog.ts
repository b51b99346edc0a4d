/** How often to look whether there was a sign of life, in milliseconds. */
const LONGEST_STEP = 1_250;
const SHORTEST_STEP = 250;

/** By how many milliseconds a timer may be late before the event loop counts as blocked. */
const TOLERANCE = 250;

/** A late timer counts for one step in so many: a loop that is blocked again and again waits longer. */
const LATE_STEPS = 10;

/** What somebody waits for. */
export interface Expectation {
  /** How long the other side may be silent before, in milliseconds. */
  patience: number;
}

/**
 * Notices that the other side has gone silent; one timer serves all that is expected.
 *
 * Only the time counts during which the event loop was free to read: after it was blocked (a handler
 * that burns CPU, SIGSTOP, a suspended machine) timers fire before the sockets are read, and an
 * answer that arrived long ago would be taken for silence.
 */
export class Watchdog<E extends Expectation = Expectation> {
  readonly #onSilence: () => void;
  /** The oldest first: answers come in the order of the commands. */
  readonly #expected = new Set<E>();
  #lastSign = 0;
  /** How long there was no sign while the loop could have read one, at most. */
  #silence = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** What hasn't come yet. */
  get expected(): ReadonlySet<E> {
    return this.#expected;
  }

  /** Something has to come. */
  expect(expectation: E): void {
    if (this.#expected.size === 0) {
      this.#silence = 0;
      this.noteSign();
    }
    this.#expected.add(expectation);
    if (!this.#timer) this.#arm();
  }

  /** It has come, or isn't expected any more. */
  settle(expectation: E): void {
    this.#expected.delete(expectation);
    this.noteSign();
  }

  /** The other side lives. */
  noteSign(): void {
    this.#lastSign = performance.now();
  }

  /** Stops watching, until something else is expected. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** How long the silence may last, from its beginning. */
  get #patience(): number {
    for (const { patience } of this.#expected) return patience;
    return 0;
  }

  #arm(): void {
    const left = this.#patience - this.#silence;
    const step = Math.max(SHORTEST_STEP, Math.min(LONGEST_STEP, left));
    const due = performance.now() + step;
    this.#timer = setTimeout(() => this.#look(due, step), step);
  }

  #look(due: number, step: number): void {
    this.#timer = undefined;
    const now = performance.now();
    const listened = now - due > TOLERANCE ? step / LATE_STEPS : step;
    this.#silence = Math.min(this.#silence + listened, now - this.#lastSign);
    if (this.#expected.size === 0) return;
    // A moment too soon would be a step too late.
    if (this.#silence + TOLERANCE / 10 >= this.#patience) this.#onSilence();
    if (this.#expected.size > 0) this.#arm();
  }
}

/**
 * Does something that must not take too long.
 *
 * @param patience How long it may take, in milliseconds.
 * @param signal Ends it as well.
 * @param work Does it, and ends when its signal is aborted.
 */
export async function inTime<T>(
  patience: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const ending = new AbortController();
  const giveUp = () => ending.abort(new Error("no answer in time"));
  const watchdog = new Watchdog(giveUp);
  watchdog.expect({ patience });
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await work(ending.signal);
  } finally {
    signal.removeEventListener("abort", giveUp);
    watchdog.rest();
  }
}
