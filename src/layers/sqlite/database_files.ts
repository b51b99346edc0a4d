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
import { LayerConfigurationError, LayerUnavailableError } from "../../errors.ts";

/** The files of a database, in the reverse of the order in which SQLite creates them. */
const ENDINGS = ["-shm", "-wal", ""];

/**
 * The files of a database at the time of opening. If they are deleted, a process goes on with its
 * open files, and no other process sees what it writes; worse, it shares what is left of them with
 * processes that create the database again, and then a received message could be received again.
 */
export class DatabaseFiles {
  readonly #path: string;
  readonly #identities = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
    for (const file of ENDINGS.map((ending) => path + ending)) {
      const identity = identityOf(file);
      if (identity !== undefined) this.#identities.set(file, identity);
    }
  }

  /** Whether there was a database. */
  get hasDatabase(): boolean {
    return this.#identities.has(this.#path);
  }

  /** Whether all of them are still in place, as far as they can be reached. */
  get areIntact(): boolean {
    try {
      return this.#identities.entries().every(([file, identity]) => identityOf(file) === identity);
    } catch {
      return true;
    }
  }

  /** Deletes those that are left; files that were created since then stay. */
  remove(): void {
    for (const [file, identity] of this.#identities) {
      if (identityOf(file) === identity) rmSync(file, { force: true });
    }
  }
}

/** Deletes the journal of a database that is missing: it must not become part of the next one. */
export function removeLeftovers(path: string): void {
  try {
    const files = new DatabaseFiles(path);
    if (!files.hasDatabase) files.remove();
  } catch {
    // SQLite can't reach the files either, and says why.
  }
}

/** Creates a file, if it is missing, that only its owner can read; SQLite copies the mode. */
export function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch {
    // It exists; or SQLite can't create it either, and says why.
  }
}

/**
 * Returns the path of a file without symbolic links, even if the file is still to be created: SQLite
 * puts the journal next to the file itself, not next to a link.
 */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const isMissing = (error as { code?: string }).code === "ENOENT";
    // Otherwise SQLite reports why it can't be opened.
    if (!isMissing || !existsSync(dirname(path))) return path;
  }
  const file = join(realpathSync(dirname(path)), basename(path));
  const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? realPathOf(resolve(dirname(file), readlinkSync(file))) : file;
}

/** Returns what tells a file from another one of the same name; `undefined` if there is none. */
export function identityOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev} ${stats.ino}`;
}

/** Failures that need human intervention, by what SQLite says. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/not a database/, "the file is not a SQLite database: name another file"],
  [
    /malformed/,
    "the file is damaged: stop its users and delete it; it holds only messages in transit",
  ],
  [
    /unable to open/,
    "cannot open or create the file: check that it is not a directory and that FOLDER is writable",
  ],
  [/readonly/, "cannot write the file: check that it and FOLDER are writable for this user"],
];

/** The tables are not those of this version. */
export const NO_TABLE = /no such (table|column)|has no column/;

/** Returns the error of the layer for what SQLite says of a file. */
export function explain(cause: Error, name: string, path: string): Error {
  const { message } = cause;
  if (isNotPermitted(cause)) {
    const flags = `--allow-read=${dirname(path)} --allow-write=${dirname(path)}`;
    const reason = `Deno was not given the permission: run it again with ${flags}`;
    return new LayerConfigurationError({ layer: name, reason, cause });
  }
  for (const [pattern, reason] of UNUSABLE) {
    if (pattern.test(message)) {
      return new LayerConfigurationError({
        layer: name,
        reason: withFolder(reason, dirname(path)),
        cause,
      });
    }
  }
  if (/UNIQUE constraint/.test(message)) {
    const reason = "some of these messages have been handed back already";
    return new LayerUnavailableError({ layer: name, reason, cause, outcomeUnknown: true });
  }
  const reason = /full/.test(message) ? "the disk is full: free some space" : message;
  return new LayerUnavailableError({ layer: name, reason, cause });
}

function withFolder(reason: string, folder: string): string {
  if (existsSync(folder)) return reason.replace("FOLDER", `folder ${folder}`);
  return `folder ${folder} does not exist: create it, or name another file`;
}

/** Whether SQLite or the system has failed; a missing permission is another kind of error. */
export function isFileError(error: unknown): error is Error {
  if (!(error instanceof Error) || error.name !== "Error") return false;
  return /^(ERR_SQLITE_ERROR|E[A-Z]+)$/.test((error as { code?: string }).code ?? "");
}

/** Whether it is Deno that doesn't allow to use the file. */
export function isNotPermitted(error: unknown): error is Error {
  return error instanceof Error && error.name === "NotCapable";
}

/** Whether another process holds the lock. */
export function isLocked(error: unknown): boolean {
  return isFileError(error) && /database (table )?is locked|locking protocol/.test(error.message);
}

/** Whether a file could not be read or written. */
export function isIoError(error: unknown): error is Error {
  return isFileError(error) && /disk I\/O error/.test(error.message);
}
