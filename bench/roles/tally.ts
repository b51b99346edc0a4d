import type { WorkReport } from "../tasks.ts";
import { now } from "./clock.ts";

/** Counts what a worker handles. */
export class Tally {
  readonly #expected: number;
  readonly #onComplete: (report: WorkReport) => void;
  #handled = 0;
  #firstAt = 0;
  #latencies: number[] = [];

  /**
   * @param expected After so many events the work is complete; 0 for never.
   * @param onComplete Called then.
   */
  constructor(expected: number, onComplete: (report: WorkReport) => void) {
    this.#expected = expected;
    this.#onComplete = onComplete;
  }

  /** Counts an event. */
  count(): void {
    this.#handled++;
    if (this.#handled === 1) this.#firstAt = now();
    if (this.#handled === this.#expected) this.#onComplete(this.report());
  }

  /** Counts an event that says when it was sent. */
  time(sentAt: number): void {
    this.#latencies.push(now() - sentAt);
    this.count();
  }

  /** What was counted so far. */
  report(): WorkReport {
    const milliseconds = this.#handled === 0 ? 0 : now() - this.#firstAt;
    return { handled: this.#handled, milliseconds, latencies: this.#latencies };
  }
}
