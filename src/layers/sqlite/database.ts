import { DatabaseSync, type StatementSync } from "node:sqlite";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { LayerClosedError, LayerUnavailableError, LayerUnusableError } from "../../errors.ts";
import { markOf, OpenFiles, removeLeftovers } from "./open_files.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** How long to wait for a lock that another process holds, in milliseconds. */
const LONGEST_WAIT = 30_000;

/** How often to see that the files are still there, in milliseconds. */
const FILES_CHECK = 100;

/**
 * What was opened before its files were deleted is never closed: closing would delete, by name, the
 * journal of those who have begun anew.
 */
const abandoned: DatabaseSync[] = [];

/**
 * A SQLite file that many processes write to. A statement never waits for a lock, which would block
 * the event loop: it is tried again later, and what is asked meanwhile waits in line behind it.
 */
export class Database {
  readonly #path: string;
  /** What the file is called in messages for people. */
  readonly name: string;
  readonly #statements = new Map<string, StatementSync>();
  #database: DatabaseSync | undefined;
  #line: Promise<unknown> | undefined;
  #files: OpenFiles | undefined;
  #filesSeen = 0;
  #generation = 0;
  #closed = false;

  constructor(path: string, name: string) {
    this.#path = path;
    this.name = name;
  }

  /** The file that grows with each write of any process. */
  get journalPath(): string {
    return `${this.#path}-wal`;
  }

  /** Grows when the file is opened: what was known of an earlier one says nothing any more. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the file exists: who only looks must not create it. */
  get exists(): boolean {
    try {
      return this.#database !== undefined || markOf(this.#path) !== undefined;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /**
   * Runs some statements; they are undone when the file is locked, and run again.
   *
   * @throws {LayerUnavailableError | LayerUnusableError} When the file can't be used.
   */
  async run<T>(work: () => T): Promise<T> {
    if (!this.#line) {
      const attempt = this.#attempt(work);
      if (attempt) return attempt.result;
    }
    const turn = (this.#line ?? Promise.resolve()).then(() => this.#retry(work));
    const line = this.#line = turn.catch(() => {}).finally(() => {
      if (this.#line === line) this.#line = undefined;
    });
    return await turn;
  }

  /** Runs some statements as one step that is done wholly or not at all. */
  transact<T>(work: () => T): Promise<T> {
    return this.run(() => {
      this.statement("BEGIN IMMEDIATE").run();
      try {
        const result = work();
        this.statement("COMMIT").run();
        return result;
      } catch (error) {
        if (this.#database?.isTransaction) this.statement("ROLLBACK").run();
        throw error;
      }
    });
  }

  /** A prepared statement; to be used inside `run()` only. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const made = this.#open().prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  /** Waits for what is under way, and closes the file. */
  async close(): Promise<void> {
    await this.#line;
    this.#closed = true;
    this.#forget();
  }

  #attempt<T>(work: () => T): { result: T } | undefined {
    try {
      this.#checkFiles();
      this.#open();
      return { result: work() };
    } catch (error) {
      if (isLocked(error)) return undefined;
      throw this.#explain(error);
    }
  }

  async #retry<T>(work: () => T): Promise<T> {
    const deadline = performance.now() + LONGEST_WAIT;
    for (let wait = 1;; wait = Math.min(wait * 2, 16)) {
      const attempt = this.#attempt(work);
      if (attempt) return attempt.result;
      if (performance.now() > deadline) {
        throw new LayerUnavailableError(
          this.name,
          `another process has kept it locked for ${LONGEST_WAIT} ms`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random())));
    }
  }

  #open(): DatabaseSync {
    if (this.#database) return this.#database;
    if (this.#closed) throw new LayerClosedError(this.name);
    removeLeftovers(this.#path);
    const database = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      prepare(database, this.name);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#generation++;
    this.#files = new OpenFiles(this.#path);
    this.#filesSeen = performance.now();
    return this.#database = database;
  }

  /** @throws {LayerUnavailableError} When the files were deleted; the next call makes new ones. */
  #checkFiles(): void {
    const now = performance.now();
    if (!this.#database || now - this.#filesSeen < FILES_CHECK) return;
    this.#filesSeen = now;
    if (this.#files?.areIntact) return;
    this.#forget();
    this.#files?.remove();
    throw new LayerUnavailableError(this.name, "its file was deleted, with the messages in it");
  }

  #forget(): void {
    this.#statements.clear();
    if (this.#database && !this.#files?.areIntact) abandoned.push(this.#database);
    else this.#database?.close();
    this.#database = undefined;
  }

  #explain(error: unknown): unknown {
    const message = error instanceof Error ? error.message : "";
    const options = { cause: error };
    if (error instanceof Error && error.name === "NotCapable") {
      const folder = dirname(this.#path);
      const flags = `--allow-read=${folder} --allow-write=${folder}`;
      const reason = `Deno was not given the permission: run it again with ${flags}`;
      return new LayerUnusableError(this.name, reason, options);
    }
    for (const [pattern, reason] of UNUSABLE) {
      if (!pattern.test(message)) continue;
      return new LayerUnusableError(this.name, this.#withFolder(reason), options);
    }
    if (!SQLITE_TROUBLE.test(message)) return error;
    const hint = /full/.test(message) ? "the disk is full: free some space" : message;
    return new LayerUnavailableError(this.name, hint, options);
  }

  #withFolder(reason: string): string {
    const folder = dirname(this.#path);
    if (existsSync(folder)) return reason.replace("FOLDER", `folder ${folder}`);
    return `folder ${folder} does not exist: make it, or name another file`;
  }
}

/** What only a person can mend, by what SQLite says of it. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/not a database/, "the file is no SQLite database: name another file"],
  [
    /malformed/,
    "the file is damaged: stop its users and delete it; it holds only messages under way",
  ],
  [/unable to open/, "the file cannot be opened or made: is FOLDER writable, and is it no folder?"],
  [/readonly/, "the file cannot be written: are it and FOLDER writable for this user?"],
];

const SQLITE_TROUBLE = /disk I\/O error|is full|no such table|database schema/;

function isLocked(error: unknown): boolean {
  return error instanceof Error && /database (table )?is locked/.test(error.message);
}

/** Makes the tables when the file is new, and refuses what isn't ours. */
function prepare(database: DatabaseSync, name: string): void {
  const version = pragma(database, "user_version");
  const isOurs = pragma(database, "application_id") === APPLICATION_ID;
  if (!isOurs && (version !== 0 || pragma(database, "schema_version") !== 0)) {
    throw new LayerUnusableError(name, "the file is the database of something else: name another");
  }
  if (version > SCHEMA_VERSION) {
    throw new LayerUnusableError(name, "a newer version of this library made the file: update");
  }
  // A damaged file after a power cut is worth the speed: what it holds is a minute old at most.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  if (version < SCHEMA_VERSION) database.exec(SCHEMA);
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
