import type { Database } from "./database.ts";

/** The maximum number of keys to remember: there may be any number of channels. */
const MAX_KEYS = 1000;

/** The number of rows of a key, and the newest id of the file at that time. */
interface Count {
  readonly rows: number;
  readonly newest: number;
}

/**
 * Returns the free capacity of keys, without counting their rows each time.
 *
 * Ids only grow, and each belongs to one row of any key. Since a count, no more rows can have been added
 * than ids. The rows of a key are counted again only if that many could exceed its capacity.
 */
export class CapacityCache {
  readonly #database: Database;
  readonly #prefix: string;
  readonly #counts = new Map<string, Count>();
  #fileNumber = 0;

  /** @param prefix The prefix of the layer. */
  constructor(database: Database, prefix: string) {
    this.#database = database;
    this.#prefix = prefix;
  }

  /**
   * Returns how many rows can be added to a key: the exact number if it is below `wanted`, otherwise at
   * least `wanted`. For use inside `Database.transact()` only.
   */
  free(key: string, capacity: number, wanted: number): number {
    const newest = this.#newestId();
    if (this.#fileNumber !== this.#database.fileNumber) this.#counts.clear();
    this.#fileNumber = this.#database.fileNumber;
    const known = this.#counts.get(key);
    const certain = known ? capacity - known.rows - (newest - known.newest) : 0;
    if (certain >= wanted) return certain;
    const rows = this.#countRows(key);
    this.#remember(key, { rows, newest });
    return capacity - rows;
  }

  #newestId(): number {
    const row = this.#database
      .statement("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").get();
    return Number(row?.seq ?? 0);
  }

  #countRows(key: string): number {
    const row = this.#database
      .statement("SELECT count(*) AS rows FROM messages WHERE prefix = ? AND key = ?")
      .get(this.#prefix, key);
    return Number(row?.rows);
  }

  /** Remembers a count. If there are too many, the oldest is removed. */
  #remember(key: string, count: Count): void {
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MAX_KEYS && oldest !== undefined) this.#counts.delete(oldest);
  }
}
