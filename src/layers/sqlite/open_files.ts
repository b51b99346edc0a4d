import { rmSync, statSync } from "node:fs";

/** What belongs to a database, in the order in which SQLite makes it, backwards. */
const ENDINGS = ["-shm", "-wal", ""];

/**
 * The files of a database, as they are now. A process goes on with files that were deleted under
 * it, and nobody else sees what it does; worse, it shares what is left of them with those who begin
 * anew, and then what was received may come again.
 */
export class OpenFiles {
  readonly #path: string;
  readonly #marks = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
    for (const file of ENDINGS.map((ending) => path + ending)) {
      const mark = markOf(file);
      if (mark !== undefined) this.#marks.set(file, mark);
    }
  }

  /** Whether there is a database, or has been. */
  get hasDatabase(): boolean {
    return this.#marks.has(this.#path);
  }

  /** Whether they are all still in their places. */
  get areIntact(): boolean {
    for (const [file, mark] of this.#marks) if (markOf(file) !== mark) return false;
    return true;
  }

  /** Deletes what is left of them; what somebody has made anew stays. */
  remove(): void {
    for (const [file, mark] of this.#marks) {
      if (markOf(file) === mark) rmSync(file, { force: true });
    }
  }
}

/** Deletes what is left of a database that is gone: it must not become a part of the next one. */
export function removeLeftovers(path: string): void {
  const files = new OpenFiles(path);
  if (!files.hasDatabase) files.remove();
}

/** What tells a file from another one of the same name; `undefined` when there is none. */
export function markOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev} ${stats.ino}`;
}
