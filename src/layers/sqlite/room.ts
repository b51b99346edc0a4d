import type { Database } from "./database.ts";

/** What was counted once, and the newest id at that time. */
interface Count {
  readonly rows: number;
  readonly newest: number;
}

/**
 * Knows whether a key has room, without counting its rows each time.
 *
 * Ids only grow, and each belongs to one row of any key: since a count no more rows can have come
 * than ids have. Only when that many might fill the key are its rows counted again.
 */
export class Room {
  readonly #database: Database;
  readonly #counts = new Map<string, Count>();
  #generation = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whether one more row fits; to be asked inside `Database.run()`. */
  has(key: string, capacity: number): boolean {
    const newest = this.#newestId();
    if (this.#generation !== this.#database.generation) this.#counts.clear();
    this.#generation = this.#database.generation;
    const known = this.#counts.get(key);
    if (known && known.rows + newest - known.newest < capacity) return true;
    const rows = this.#countRows(key);
    this.#remember(key, { rows, newest });
    return rows < capacity;
  }

  #newestId(): number {
    const row = this.#database
      .statement("SELECT seq FROM sqlite_sequence WHERE name = 'message'").get();
    return Number(row?.seq ?? 0);
  }

  #countRows(key: string): number {
    const row = this.#database
      .statement("SELECT count(*) AS rows FROM message WHERE key = ?").get(key);
    return Number(row?.rows);
  }

  /** Names come from users, without end: the oldest are forgotten. */
  #remember(key: string, count: Count): void {
    this.#counts.delete(key);
    this.#counts.set(key, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > 1000 && oldest !== undefined) this.#counts.delete(oldest);
  }
}
