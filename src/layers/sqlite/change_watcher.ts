import { type FSWatcher, watch } from "node:fs";
import { identityOf } from "./database_files.ts";

/** How long to wait after a change before the next read, in milliseconds. */
const MIN_DELAY = 2;

/** How long to wait without a change, in milliseconds: the operating system may miss one. */
const MAX_DELAY = 500;

/**
 * Waits until another process writes to a database: its journal grows with each write, and the operating
 * system reports that. Nothing is read, so an idle process uses no CPU.
 *
 * The report may precede the visibility of the write, so the delays after a change are short at first,
 * and then grow.
 */
export class ChangeWatcher {
  #watcher: FSWatcher | undefined;
  #watched: string | undefined;
  #hasChanged = false;
  #delay = MAX_DELAY;
  #wake: () => void = () => {};

  /** Starts to watch a file, unless it is being watched. Later changes end the next `changed()`. */
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
      // The file may be missing for a moment. The delays are bounded until it is watched again.
    }
  }

  /** Notes a change, and resolves a pending `changed()`. */
  notify(): void {
    this.#hasChanged = true;
    this.#delay = MIN_DELAY;
    this.#wake();
  }

  /** Waits for a change since the last `watch()`, for a limited time. */
  async changed(): Promise<void> {
    if (this.#hasChanged) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#delay);
    this.#delay = Math.min(this.#delay * 4, MAX_DELAY);
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
