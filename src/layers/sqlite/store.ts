import type { DatabaseSync } from "node:sqlite";
import type { ServerInspection } from "../inspection.ts";
import type { LayerSettings } from "../settings.ts";
import type {
  AddressedBody,
  Batch,
  KeyInspection,
  PollLimits,
  Source,
  Store,
  StoredBody,
} from "../store.ts";
import { CapacityCache } from "./capacity_cache.ts";
import { ChangeWatcher } from "./change_watcher.ts";
import { Database } from "./database.ts";
import { prepareTables } from "./schema.ts";
import { Sweeper } from "./sweeper.ts";

/** The maximum number of rows of a transaction: it holds the lock, and blocks the event loop. */
const MAX_ROWS = 128;

/**
 * The upper bound of the ids of a file. The position of a message is its id plus this bound for each
 * earlier file: a message of a deleted file is requeued before all messages of the new file.
 */
const IDS_PER_FILE = 2 ** 44;

/** Stores bodies in a SQLite file that many processes share. */
export class SqliteStore implements Store, Source {
  readonly batchLimit = { messages: MAX_ROWS, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #database: Database;
  readonly #watcher = new ChangeWatcher();
  readonly #capacities: CapacityCache;
  readonly #sweeper: Sweeper;
  #interrupted = false;

  constructor(path: string, name: string, settings: LayerSettings) {
    const { prefix } = settings;
    this.#settings = settings;
    const prepare = (database: DatabaseSync) => prepareTables(database, name, prefix);
    this.#database = new Database({ path, name, prepare });
    this.#capacities = new CapacityCache(this.#database, prefix);
    this.#sweeper = new Sweeper(this.#database, settings);
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const accepted = await this.#database.transact(() => this.#insert(key, bodies, capacity));
    this.#afterWrite(1);
    return accepted;
  }

  async broadcast<B extends AddressedBody>(bodies: readonly B[]): Promise<B[]> {
    const skipped = await this.#database.transact(() =>
      bodies.filter(({ key, body, capacity }) => this.#insert(key, [body], capacity) === 0)
    );
    this.#afterWrite(bodies.length);
    return skipped;
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async poll(limits: PollLimits, wait: boolean): Promise<Batch[]> {
    this.#interrupted = false;
    for (;;) {
      await this.#database.run(() => this.#watcher.watch(this.#database.journalPath));
      const batches = await this.#takeAll(limits);
      if (!wait || this.#interrupted || batches.length > 0) return batches;
      await this.#watcher.changed();
    }
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#watcher.notify();
  }

  async requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const { prefix, expiry } = this.#settings;
    await this.#database.transact(() => {
      const insert = this.#database.statement(
        "INSERT INTO messages (id, prefix, key, sent_at, body) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { bytes, expiresAt, position } of bodies) {
        insert.run(Number(position) - this.#firstPosition, prefix, key, expiresAt - expiry, bytes);
      }
      // Processes that have counted the rows before must notice that there may be more.
      this.#database.statement("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'messages'")
        .run(bodies.length);
    });
    this.#watcher.notify();
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    await this.#database.run(() => {
      this.#database.statement("INSERT OR REPLACE INTO memberships VALUES (?, ?, ?, ?)")
        .run(this.#settings.prefix, group, channel, Date.now());
    });
    this.#sweeper.noteWrites(1);
  }

  groupDiscard(group: string, channel: string): Promise<void> {
    return this.#database.run(() => {
      this.#database
        .statement("DELETE FROM memberships WHERE prefix = ? AND group_name = ? AND channel = ?")
        .run(this.#settings.prefix, group, channel);
    });
  }

  async groupMembers(group: string): Promise<string[]> {
    const { prefix, groupExpiry } = this.#settings;
    const rows = await this.#database.run(() =>
      this.#database.statement(
        "SELECT channel FROM memberships WHERE prefix = ? AND group_name = ? AND joined_at > ?",
      ).all(prefix, group, Date.now() - groupExpiry)
    );
    return rows.map(({ channel }) => String(channel));
  }

  flush(): Promise<void> {
    return this.#database.transact(() => {
      for (const table of ["messages", "memberships"]) {
        this.#database.statement(`DELETE FROM ${table} WHERE prefix = ?`)
          .run(this.#settings.prefix);
      }
    });
  }

  async inspectServers(): Promise<ServerInspection[]> {
    if (!this.#database.exists) return [];
    const start = performance.now();
    const row = await this.#database.run(() =>
      this.#database.statement("SELECT sqlite_version() AS version, max(id) FROM messages").get()
    );
    const roundTrip = performance.now() - start;
    return [{ name: this.#database.name, version: `SQLite ${row?.version}`, roundTrip }];
  }

  async inspectKey(key: string): Promise<KeyInspection> {
    if (!this.#database.exists) return { count: 0 };
    const { prefix, expiry } = this.#settings;
    const row = await this.#database.run(() =>
      this.#database.statement(
        "SELECT count(*) AS count, min(sent_at) AS oldest FROM messages " +
          "WHERE prefix = ? AND key = ? AND sent_at > ?",
      ).get(prefix, key, Date.now() - expiry)
    );
    const count = Number(row?.count);
    return count === 0 ? { count } : { count, oldest: Number(row?.oldest) };
  }

  onReconnect(callback: () => void): void {
    this.#database.onReplaced = callback;
  }

  async close(): Promise<void> {
    this.#watcher.close();
    await this.#database.close();
  }

  async #takeAll(limits: PollLimits): Promise<Batch[]> {
    const batches: Batch[] = [];
    for (const [key, limit] of limits) {
      try {
        const bodies = await this.#take(key, limit);
        if (bodies.length > 0) batches.push({ key, bodies });
      } catch (error) {
        // What was taken from other keys must not be lost. The next poll reports the failure.
        if (batches.length === 0) throw error;
        break;
      }
    }
    return batches;
  }

  async #take(key: string, limit: number): Promise<StoredBody[]> {
    const { prefix } = this.#settings;
    // Reading takes no lock, so idle workers don't block writers.
    const first = await this.#database.run(() =>
      this.#database.statement("SELECT 1 FROM messages WHERE prefix = ? AND key = ? LIMIT 1")
        .get(prefix, key)
    );
    if (!first) return [];
    return await this.#database.transact(() => this.#takeOldest(key, limit));
  }

  #takeOldest(key: string, limit: number): StoredBody[] {
    const { prefix, expiry } = this.#settings;
    const rows = this.#database.statement(
      "SELECT id, sent_at, body FROM messages WHERE prefix = ? AND key = ? ORDER BY id LIMIT ?",
    ).all(prefix, key, Math.min(limit, MAX_ROWS));
    const last = rows.at(-1);
    if (!last) return [];
    this.#database.statement("DELETE FROM messages WHERE prefix = ? AND key = ? AND id <= ?")
      .run(prefix, key, Number(last.id));
    const [now, firstPosition] = [Date.now(), this.#firstPosition];
    return rows.map(({ id, sent_at, body }) => ({
      bytes: body as Uint8Array,
      // A time in the future is from before the clock was set back.
      expiresAt: Math.min(Number(sent_at), now) + expiry,
      position: Number(id) + firstPosition,
    }));
  }

  /** The position of id 0. */
  get #firstPosition(): number {
    return this.#database.fileNumber * IDS_PER_FILE;
  }

  /** Returns how many bodies were inserted: the first ones. */
  #insert(key: string, bodies: readonly Uint8Array[], capacity: number): number {
    const { prefix } = this.#settings;
    let free = this.#capacities.free(key, capacity, bodies.length);
    if (free < bodies.length && this.#deleteExpired(key)) {
      free = this.#capacities.free(key, capacity, bodies.length);
    }
    const accepted = free < bodies.length ? bodies.slice(0, Math.max(0, free)) : bodies;
    const insert = this.#database
      .statement("INSERT INTO messages (prefix, key, sent_at, body) VALUES (?, ?, ?, ?)");
    const now = Date.now();
    for (const body of accepted) insert.run(prefix, key, now, body);
    return accepted.length;
  }

  #deleteExpired(key: string): boolean {
    const { prefix, expiry } = this.#settings;
    const { changes } = this.#database
      .statement("DELETE FROM messages WHERE prefix = ? AND key = ? AND sent_at <= ?")
      .run(prefix, key, Date.now() - expiry);
    return Number(changes) > 0;
  }

  /** Wakes the receivers of this process. */
  #afterWrite(keys: number): void {
    this.#watcher.notify();
    this.#sweeper.noteWrites(keys);
  }
}
