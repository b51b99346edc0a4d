import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { LayerClosedError, LayerUnavailableError } from "../../errors.ts";
import {
  createPrivately,
  DatabaseFiles,
  explain,
  identityOf,
  isFileError,
  isIoError,
  isLocked,
  isNotPermitted,
  NO_TABLE,
  realPathOf,
  removeLeftovers,
} from "./database_files.ts";

/** How long to wait for a lock that another process holds, in milliseconds. */
const LOCK_TIMEOUT = 30_000;

/** How long to wait before a locked file is tried again, in milliseconds: it grows. */
const SHORTEST_WAIT = 1;
const LONGEST_WAIT = 16;

/** How often to check that the files are still there, in milliseconds. */
const FILES_CHECK = 100;

/**
 * Databases whose files were deleted are never closed: closing would delete, by name, the journal of
 * the processes that have created the file again.
 */
const abandoned: DatabaseSync[] = [];

/** What a {@linkcode Database} needs to know. */
export interface DatabaseOptions {
  /** The absolute path of the file. */
  readonly path: string;
  /** The layer, for errors. */
  readonly name: string;
  /** Checks the file, and creates its tables, whenever it is opened. */
  readonly prepare: (database: DatabaseSync) => void;
}

/** A SQLite file that many processes write to, opened when it is first used. */
export class Database {
  readonly #options: DatabaseOptions;
  readonly #queue: LockQueue;
  readonly #statements = new Map<string, StatementSync>();
  #path: string;
  #database: DatabaseSync | undefined;
  #files: DatabaseFiles | undefined;
  #filesCheckedAt = 0;
  #fileNumber = 0;
  #isClosed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#path = options.path;
    this.#queue = new LockQueue(options.name);
  }

  /** The layer, for errors. */
  get name(): string {
    return this.#options.name;
  }

  /** The file that grows with each write of any process. */
  get journalPath(): string {
    return `${this.#path}-wal`;
  }

  /** How many files this has had before: a file that is deleted is replaced by a new one. */
  get fileNumber(): number {
    return this.#fileNumber;
  }

  /** Whether the file exists: who only looks must not create it. */
  get exists(): boolean {
    try {
      return this.#database !== undefined || identityOf(this.#path) !== undefined;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /**
   * Runs statements; if the file is locked they are undone, and run again later.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} If the file can't be used.
   */
  async run<T>(work: () => T): Promise<T> {
    if (this.#queue.isEmpty) {
      const attempt = this.#attempt(work);
      if (attempt) return attempt.result;
    }
    return await this.#queue.add(() => this.#attempt(work));
  }

  /** Runs statements as one transaction. */
  transact<T>(work: () => T): Promise<T> {
    return this.run(() => {
      this.statement("BEGIN IMMEDIATE").run();
      try {
        const result = work();
        this.#commit();
        return result;
      } catch (error) {
        if (this.#database?.isTransaction) this.statement("ROLLBACK").run();
        throw error;
      }
    });
  }

  /** Returns a prepared statement; to be used inside `run()` only. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#open().prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Waits for what is under way, and closes the file. */
  async close(): Promise<void> {
    await this.#queue.emptied;
    this.#isClosed = true;
    this.#forget();
  }

  #attempt<T>(work: () => T): Attempt<T> {
    try {
      this.#checkFiles();
      this.#open();
      return { result: work() };
    } catch (error) {
      if (isLocked(error)) return undefined;
      throw this.#explain(error);
    }
  }

  /** If the journal can't be written to its end, the transaction may be in it. */
  #commit(): void {
    try {
      this.statement("COMMIT").run();
    } catch (cause) {
      if (!isIoError(cause)) throw cause;
      throw new LayerUnavailableError({
        layer: this.name,
        reason: cause.message,
        cause,
        outcomeUnknown: true,
      });
    }
  }

  #open(): DatabaseSync {
    if (this.#database) return this.#database;
    const { path, prepare } = this.#options;
    if (this.#isClosed) throw new LayerClosedError({ layer: this.name });
    this.#path = realPathOf(path);
    removeLeftovers(this.#path);
    createPrivately(this.#path);
    const database = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      prepare(database);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#files = new DatabaseFiles(this.#path);
    this.#filesCheckedAt = performance.now();
    return this.#database = database;
  }

  /** @throws {LayerUnavailableError} If the files were deleted; the next call creates new ones. */
  #checkFiles(): void {
    const now = performance.now();
    if (!this.#database || now - this.#filesCheckedAt < FILES_CHECK) return;
    this.#filesCheckedAt = now;
    if (!this.#files?.areIntact) throw this.#noteDeletion();
  }

  #noteDeletion(): LayerUnavailableError {
    this.#forget();
    this.#files?.remove();
    this.#fileNumber++;
    const reason = "its file was deleted, with the messages in it";
    return new LayerUnavailableError({ layer: this.name, reason });
  }

  #forget(): void {
    this.#statements.clear();
    if (this.#database && !this.#files?.areIntact) abandoned.push(this.#database);
    else this.#database?.close();
    this.#database = undefined;
  }

  #explain(error: unknown): unknown {
    if (isNotPermitted(error)) return explain(error, this.name, this.#path);
    if (!isFileError(error)) return error;
    if (this.#database && !this.#files?.areIntact) return this.#noteDeletion();
    if (NO_TABLE.test(error.message)) return this.#reopen(error);
    return explain(error, this.name, this.#path);
  }

  /** Another version of this library may have changed the tables: opening the file tells. */
  #reopen(cause: Error): unknown {
    this.#forget();
    try {
      this.#open();
      return new LayerUnavailableError({
        layer: this.name,
        reason: "its tables were changed",
        cause,
      });
    } catch (error) {
      return isFileError(error) ? explain(error, this.name, this.#path) : error;
    }
  }
}

/** The result of some work, unless the file was locked. */
type Attempt<T> = { readonly result: T } | undefined;

/** Work that waits for a lock. */
interface WaitingCall {
  /** @returns Whether it is settled. */
  readonly settle: () => boolean;
  readonly reject: (error: Error) => void;
  readonly deadline: number;
}

/**
 * Runs work again that found the file locked, in the order of the calls. SQLite's own waiting would
 * block the event loop.
 */
class LockQueue {
  readonly #name: string;
  #calls: WaitingCall[] = [];
  #draining: Promise<void> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  get isEmpty(): boolean {
    return this.#calls.length === 0;
  }

  /** Resolves when nothing waits any more. */
  get emptied(): Promise<void> {
    return Promise.resolve(this.#draining);
  }

  /** Adds a call: the time that it may wait starts now, regardless of those before it. */
  add<T>(attempt: () => Attempt<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = () => {
      try {
        const done = attempt();
        if (done) resolve(done.result);
        return done !== undefined;
      } catch (error) {
        reject(error);
        return true;
      }
    };
    this.#calls.push({ settle, reject, deadline: performance.now() + LOCK_TIMEOUT });
    this.#draining ??= this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    for (let wait = SHORTEST_WAIT; !this.isEmpty; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      await pause(wait * (0.5 + Math.random()));
      if (this.#settleAll() > 0) wait = SHORTEST_WAIT;
      this.#rejectOverdue();
    }
    this.#draining = undefined;
  }

  /** @returns How many were settled before one found the file locked. */
  #settleAll(): number {
    let settled = 0;
    while (this.#calls[settled]?.settle()) settled++;
    this.#calls.splice(0, settled);
    return settled;
  }

  #rejectOverdue(): void {
    const now = performance.now();
    for (let first; (first = this.#calls[0]) && first.deadline < now;) {
      this.#calls.shift();
      const reason = `another process has locked the file for ${LOCK_TIMEOUT} ms`;
      first.reject(new LayerUnavailableError({ layer: this.#name, reason }));
    }
  }
}
