import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The suffixes of a database's files, in the reverse of the order in which SQLite creates them. */
const SUFFIXES = ["-shm", "-wal", ""];

/** How often to check that the files still exist, in milliseconds. */
const CHECK_INTERVAL = 100;

/**
 * The files of a database at the time of opening. If they are deleted, a process continues with its open
 * files, and no other process sees what it writes. Worse, it shares the remaining files with processes
 * that create the database again, and then a received message could be received again.
 */
export class DatabaseFiles {
  readonly #path: string;
  readonly #identities = new Map<string, string>();
  #checkedAt = performance.now();

  constructor(path: string) {
    this.#path = path;
    for (const file of SUFFIXES.map((suffix) => path + suffix)) {
      const identity = identityOf(file);
      if (identity !== undefined) this.#identities.set(file, identity);
    }
  }

  /** Whether the database existed. */
  get hasDatabase(): boolean {
    return this.#identities.has(this.#path);
  }

  /** Whether all files are still in place, as far as they can be accessed. */
  get areIntact(): boolean {
    try {
      return this.#identities.entries().every(([file, identity]) => identityOf(file) === identity);
    } catch {
      return true;
    }
  }

  /** Returns whether files are found to be missing; checks at most once per interval. */
  noticeDeletion(): boolean {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_INTERVAL) return false;
    this.#checkedAt = now;
    return !this.areIntact;
  }

  /** Deletes the files that remain; files that were created since then stay. */
  remove(): void {
    for (const [file, identity] of this.#identities) {
      if (identityOf(file) === identity) rmSync(file, { force: true });
    }
  }
}

/** Deletes the journal of a missing database: it must not become part of the next one. */
export function removeLeftovers(path: string): void {
  try {
    const files = new DatabaseFiles(path);
    if (!files.hasDatabase) files.remove();
  } catch {
    // SQLite fails to access the files as well, and reports why.
  }
}

/** Creates the file if it is missing, readable only for its owner; SQLite copies the mode. */
export function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // The file exists, or SQLite fails to create it as well, and reports why.
  }
}

/**
 * Returns the path of a file without symbolic links, even if the file does not exist yet: SQLite creates
 * the journal next to the file itself, not next to a link.
 */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ENOENT";
    // Otherwise SQLite reports why the file cannot be opened.
    if (!isMissing || !existsSync(dirname(path))) return path;
  }
  const file = join(realpathSync(dirname(path)), basename(path));
  const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? realPathOf(resolve(dirname(file), readlinkSync(file))) : file;
}

/** Returns what distinguishes a file from another one with its name; `undefined` if there is none. */
export function identityOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev} ${stats.ino}`;
}
