import { type FSWatcher, watch } from "node:fs";
import { markOf } from "./open_files.ts";

/** How often to look without being rung, in milliseconds: a bell can be missed. */
const LONGEST_SILENCE = 500;

/**
 * Wakes who waits for another process to write to a file: its journal grows with each write, and
 * the operating system tells of it. Nothing is read, and an idle process stays idle.
 */
export class Doorbell {
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #rung = false;
  #answer: () => void = () => {};

  /** Starts to listen; what happens from now on is not missed. */
  listen(path: string): void {
    this.#rung = false;
    const mark = markOf(path);
    if (this.#watcher && mark === this.#watched) return;
    this.close();
    this.#watched = mark;
    try {
      this.#watcher = watch(path, () => this.ring());
      this.#watcher.on("error", () => this.close());
    } catch {
      // The file may be gone for a moment; until it is watched again the silence is bounded.
    }
  }

  /** Wakes who waits. */
  ring(): void {
    this.#rung = true;
    this.#answer();
  }

  /** Waits for a ring since the last `listen()`. */
  async wait(): Promise<void> {
    if (this.#rung) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LONGEST_SILENCE);
    this.#answer = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Stops listening. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
