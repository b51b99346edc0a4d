/** How long to wait for an answer, in milliseconds, beyond what the command itself waits. */
const PATIENCE = 5_000;

/** Notices that a server has gone silent; one timer serves all commands. */
export class Watchdog {
  readonly #onSilence: () => void;
  #pending = 0;
  #lastSign = 0;
  #allowance = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /**
   * A command was sent: the server has to answer.
   *
   * @param blocksFor How long the command itself may wait, in milliseconds.
   */
  expectSign(blocksFor: number): void {
    const allowance = PATIENCE + blocksFor;
    if (this.#pending++ === 0) {
      this.#lastSign = performance.now();
      this.#allowance = allowance;
    }
    this.#timer ??= setTimeout(() => this.#lookAfter(), allowance);
  }

  /** A command was answered, or given up. */
  noteSign(): void {
    this.#pending--;
    this.#lastSign = performance.now();
  }

  /** Stops watching, until the next command. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookAfter(): void {
    this.#timer = undefined;
    if (this.#pending === 0) return;
    const left = this.#lastSign + this.#allowance - performance.now();
    if (left > 0) this.#timer = setTimeout(() => this.#lookAfter(), left);
    else this.#onSilence();
  }
}
