/** How much work to prefetch, in milliseconds. */
const PREFETCH_TIME = 10;

/** The maximum number of prefetched events for each instance. */
const MAX_PREFETCH = 1024;

/** The weight of the newest duration in the average. */
const WEIGHT = 0.2;

/** The shortest duration that the clock measures reliably, in milliseconds. */
const MIN_DURATION = 0.001;

/** How many events to prefetch, by how long handlers take. */
export class Prefetch {
  #average: number | undefined;

  /** Notes how long a handler took, in milliseconds. */
  note(duration: number): void {
    this.#average = this.#average === undefined
      ? duration
      : this.#average + (duration - this.#average) * WEIGHT;
  }

  /** Notes how long a handler has been running that has not finished, in milliseconds. */
  noteAtLeast(duration: number): void {
    this.#average = Math.max(this.#average ?? 0, duration);
  }

  /** How many events to prefetch for each instance: none before the first duration is known. */
  get size(): number {
    if (this.#average === undefined) return 0;
    return Math.min(
      MAX_PREFETCH,
      Math.floor(PREFETCH_TIME / Math.max(this.#average, MIN_DURATION)),
    );
  }
}
