import type { Database } from "./database.ts";

/** How many keys are remembered: their names come from users, without end. */
const MOST_KEYS = 1000;

/** How many rows a key had, and the newest id of the file at that time. */
interface Count {
  readonly rows: number;
  readonly newest: number;
}

/**
 * Knows how much capacity a key has left, without counting its rows each time.
 *
 * Ids only grow, and each belongs to one row of any key: since a count, no more rows can have been
 * added than ids. Only if that many could fill the key, its rows are counted again.
 */
export class CapacityCache {
  readonly #database: Database;
  readonly #prefix: string;
  readonly #counts = new Map<string, Count>();
  #fileNumber = 0;

  /** @param prefix The prefix of the layer, which its keys belong to. */
  constructor(database: Database, prefix: string) {
    this.#database = database;
    this.#prefix = prefix;
  }

  /**
   * Returns how many more rows fit: exactly, if that is fewer than asked for, and otherwise that many
   * at least. To be called inside `Database.transact()`.
   */
  room(key: string, capacity: number, wanted: number): number {
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

  /** Forgets the key that was counted the longest time ago, if there are too many. */
  #remember(key: string, count: Count): void {
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > MOST_KEYS && oldest !== undefined) this.#counts.delete(oldest);
  }
}
