import { type FSWatcher, watch } from "node:fs";
import { identityOf } from "./database_files.ts";

/** How long to wait before looking again after a change, in milliseconds. */
const SHORTEST_WAIT = 2;

/** How long to wait without a change, in milliseconds: the system may miss one. */
const LONGEST_WAIT = 500;

/**
 * Waits for another process to write to a file: its journal grows with each write, and the
 * operating system reports it. Nothing is read, and an idle process stays idle.
 *
 * The report may come a moment before the write can be seen. So the waits after a change are short
 * at first, and then grow.
 */
export class ChangeWatcher {
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #hasChanged = false;
  #wait = LONGEST_WAIT;
  #wake: () => void = () => {};

  /** Starts to watch a file: no change from now on is missed. */
  watch(path: string): void {
    this.#hasChanged = false;
    const identity = identityOf(path);
    if (this.#watcher && identity === this.#watched) return;
    this.close();
    this.#watched = identity;
    try {
      this.#watcher = watch(path, () => this.notify());
      this.#watcher.on("error", () => this.close());
    } catch {
      // The file may be missing for a moment; until it is watched again, the waits are bounded.
    }
  }

  /** Notes a change, and ends the waiting. */
  notify(): void {
    this.#hasChanged = true;
    this.#wait = SHORTEST_WAIT;
    this.#wake();
  }

  /** Waits for a change since the last `watch()`, but not for long. */
  async changed(): Promise<void> {
    if (this.#hasChanged) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#wait);
    this.#wait = Math.min(this.#wait * 4, LONGEST_WAIT);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Stops watching. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
