import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LayerClosedError, LayerUnavailableError } from "../../errors/mod.ts";
import {
  createPrivately,
  DatabaseFiles,
  identityOf,
  realPathOf,
  removeLeftovers,
} from "./database_files.ts";
import {
  isFileError,
  isIoError,
  isLocked,
  isNotPermitted,
  layerErrorFor,
  NO_TABLE,
} from "./failures.ts";
import { type Attempt, LockQueue } from "./lock_queue.ts";

/**
 * Databases whose files were deleted are never closed: closing would delete, by name, the journal of
 * processes that have created the database again.
 */
const abandoned: DatabaseSync[] = [];

/** Options for a {@linkcode Database}. */
export interface DatabaseOptions {
  /** The absolute path of the file. */
  readonly path: string;
  /** The URL of the layer, for errors. */
  readonly name: string;
  /** Checks the file and creates its tables. Called whenever the file is opened. */
  readonly prepare: (database: DatabaseSync) => void;
}

/** A SQLite file that many processes share. It is opened on first use. */
export class Database {
  /** Called when its files were deleted: the next call creates new ones. */
  onReplaced: () => void = () => {};
  readonly #options: DatabaseOptions;
  readonly #queue: LockQueue;
  readonly #statements = new Map<string, StatementSync>();
  #path: string;
  #database: DatabaseSync | undefined;
  #files: DatabaseFiles | undefined;
  #fileNumber = 0;
  #isClosed = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#path = options.path;
    this.#queue = new LockQueue(options.name);
  }

  /** The URL of the layer, for errors. */
  get name(): string {
    return this.#options.name;
  }

  /** The path of the file that grows with each write of any process. */
  get journalPath(): string {
    return `${this.#path}-wal`;
  }

  /** How many files this object has used before: a deleted file is replaced by a new one. */
  get fileNumber(): number {
    return this.#fileNumber;
  }

  /** Whether the file exists; an inspection must not create it. */
  get exists(): boolean {
    try {
      return this.#database !== undefined || identityOf(this.#path) !== undefined;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /**
   * Runs statements. If the file is locked, they are rolled back and retried.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} If the file cannot be used.
   */
  async run<T>(work: () => T): Promise<T> {
    if (this.#queue.isEmpty) {
      const attempt = this.#attempt(work);
      if (attempt) return attempt.result;
    }
    return await this.#queue.add(() => this.#attempt(work));
  }

  /** Runs statements as one transaction; see {@linkcode Database.run}. */
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

  /** Returns a prepared statement, for use inside `run()` only. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#open().prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Waits for pending calls, and closes the file. */
  async close(): Promise<void> {
    await this.#queue.emptied;
    this.#isClosed = true;
    this.#release();
  }

  /** @throws {LayerUnavailableError} If the files were deleted; the next call creates new ones. */
  #attempt<T>(work: () => T): Attempt<T> {
    try {
      if (this.#database && this.#files?.noticeDeletion()) throw this.#replaceDeleted();
      this.#open();
      return { result: work() };
    } catch (error) {
      if (isLocked(error)) return undefined;
      throw this.#translate(error);
    }
  }

  /** If the journal cannot be written completely, the transaction may be in it. */
  #commit(): void {
    try {
      this.statement("COMMIT").run();
    } catch (cause) {
      if (!isIoError(cause)) throw cause;
      const reason = cause.message;
      throw new LayerUnavailableError({ layer: this.name, reason, cause, outcomeUnknown: true });
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
    return this.#database = database;
  }

  #release(): void {
    this.#statements.clear();
    if (this.#database && !this.#files?.areIntact) abandoned.push(this.#database);
    else this.#database?.close();
    this.#database = undefined;
  }

  #replaceDeleted(): LayerUnavailableError {
    this.#release();
    this.#files?.remove();
    this.#fileNumber++;
    this.onReplaced();
    return this.#unavailable("its file was deleted, with the messages in it");
  }

  /** Returns the error of the layer for a failure of SQLite, and any other error as it is. */
  #translate(error: unknown): unknown {
    if (isNotPermitted(error)) return layerErrorFor(error, this.name, this.#path);
    if (!isFileError(error)) return error;
    if (this.#database && !this.#files?.areIntact) return this.#replaceDeleted();
    if (NO_TABLE.test(error.message)) return this.#reopen(error);
    return layerErrorFor(error, this.name, this.#path);
  }

  /** Another version of this library may have changed the tables; opening the file tells. */
  #reopen(cause: Error): unknown {
    this.#release();
    try {
      this.#open();
      return this.#unavailable("its tables were changed", cause);
    } catch (error) {
      return isFileError(error) ? layerErrorFor(error, this.name, this.#path) : error;
    }
  }

  #unavailable(reason: string, cause?: Error): LayerUnavailableError {
    return new LayerUnavailableError({ layer: this.name, reason, cause });
  }
}
