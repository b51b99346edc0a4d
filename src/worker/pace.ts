/** How much work may wait in the worker's memory, in milliseconds. */
const AHEAD = 10;

/** How many events may wait there at most. */
const MOST_AHEAD = 1024;

/** How much the newest measurement counts. */
const WEIGHT = 0.2;

/** Below this a measurement says nothing, in milliseconds. */
const SHORTEST = 0.001;

/** Follows how long handlers take, and says how many events may be fetched ahead of them. */
export class Pace {
  #average: number | undefined;

  /** Notes how long a handler took, in milliseconds. */
  note(duration: number): void {
    this.#average = this.#average === undefined
      ? duration
      : this.#average + (duration - this.#average) * WEIGHT;
  }

  /** Notes that a handler has taken so long already, and hasn't come to its end. */
  noteAtLeast(duration: number): void {
    this.#average = Math.max(this.#average ?? 0, duration);
  }

  /** How many events may wait for each instance: none as long as nothing is known. */
  get ahead(): number {
    if (this.#average === undefined) return 0;
    return Math.min(MOST_AHEAD, Math.floor(AHEAD / Math.max(this.#average, SHORTEST)));
  }
}
