import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LayerConfigurationError, LayerUnavailableError } from "../../errors/mod.ts";

/** SQLite's messages for failures that need human intervention, and the reasons for the layer's error. */
const CONFIGURATION: readonly (readonly [RegExp, string])[] = [
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

/** The failure of a statement on a file whose tables are not those of this version. */
export const NO_TABLE = /no such (table|column)|has no column/;

/** Returns the error of the layer for a failure of SQLite or a missing permission. */
export function layerErrorFor(cause: Error, layer: string, path: string): Error {
  const { message } = cause;
  const folder = dirname(path);
  if (isNotPermitted(cause)) {
    const flags = `--allow-read=${folder} --allow-write=${folder}`;
    const reason = `Deno was not given the permission: run it again with ${flags}`;
    return new LayerConfigurationError({ layer, reason, cause });
  }
  const [, problem] = CONFIGURATION.find(([pattern]) => pattern.test(message)) ?? [];
  if (problem !== undefined) {
    return new LayerConfigurationError({ layer, reason: withFolder(problem, folder), cause });
  }
  if (/UNIQUE constraint/.test(message)) {
    const reason = "some of these messages have been requeued already";
    return new LayerUnavailableError({ layer, reason, cause, outcomeUnknown: true });
  }
  const reason = /full/.test(message) ? "the disk is full: free some space" : message;
  return new LayerUnavailableError({ layer, reason, cause });
}

function withFolder(reason: string, folder: string): string {
  if (existsSync(folder)) return reason.replace("FOLDER", `folder ${folder}`);
  return `folder ${folder} does not exist: create it, or name another file`;
}

/** Returns whether an error is a failure of SQLite or the file system, but not a missing permission. */
export function isFileError(error: unknown): error is Error {
  if (!(error instanceof Error) || error.name !== "Error") return false;
  return /^(ERR_SQLITE_ERROR|E[A-Z]+)$/.test((error as { code?: string }).code ?? "");
}

/** Returns whether Deno lacks the permission to use the file. */
export function isNotPermitted(error: unknown): error is Error {
  return error instanceof Error && error.name === "NotCapable";
}

/** Returns whether another process holds the lock. */
export function isLocked(error: unknown): boolean {
  return isFileError(error) && /database (table )?is locked|locking protocol/.test(error.message);
}

/** Returns whether a file could not be read or written. */
export function isIoError(error: unknown): error is Error {
  return isFileError(error) && /disk I\/O error/.test(error.message);
}
