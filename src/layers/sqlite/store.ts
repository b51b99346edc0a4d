import type { DatabaseSync } from "node:sqlite";
import type { ServerInspection } from "../channel_layer.ts";
import type { LayerSettings } from "../settings.ts";
import type { Batch, Demand, Parcel, Source, Stock, Store, StoredBody } from "../store.ts";
import { CapacityCache } from "./capacity_cache.ts";
import { ChangeWatcher } from "./change_watcher.ts";
import { Database } from "./database.ts";
import { prepareTables } from "./schema.ts";

/** How many rows one transaction writes at most: it holds the lock, and the event loop. */
const ROWS_AT_ONCE = 128;

/** After how many writes expired rows are deleted. */
const WRITES_BETWEEN_SWEEPS = 256;

/** How much more a sweep looks at than was written since the last one. */
const SWEEP_FACTOR = 2;

/**
 * Ids of a file are below this. The place of a message is its id plus this for each file before: a
 * message of a file that was deleted is requeued in front of all messages of the new one.
 */
const IDS_PER_FILE = 2 ** 44;

/** Keeps bodies in a SQLite file that many processes share. */
export class SqliteStore implements Store, Source {
  readonly step = { messages: ROWS_AT_ONCE, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #database: Database;
  readonly #watcher = new ChangeWatcher();
  readonly #capacities: CapacityCache;
  #interrupted = false;
  /** The first write sweeps: a short-lived process may write only once. */
  #unsweptWrites = WRITES_BETWEEN_SWEEPS;
  #sweptKey = "";

  constructor(path: string, name: string, settings: LayerSettings) {
    const { prefix } = settings;
    this.#settings = settings;
    const prepare = (database: DatabaseSync) => prepareTables(database, name, prefix);
    this.#database = new Database({ path, name, prepare });
    this.#capacities = new CapacityCache(this.#database, prefix);
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const accepted = await this.#database.transact(() => this.#insert(key, bodies, capacity));
    this.#afterWrite(1);
    return accepted;
  }

  async broadcast(parcels: readonly Parcel[]): Promise<void> {
    await this.#database.transact(() => {
      for (const { key, body, capacity } of parcels) this.#insert(key, [body], capacity);
    });
    this.#afterWrite(parcels.length);
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    this.#interrupted = false;
    for (;;) {
      await this.#database.run(() => this.#watcher.watch(this.#database.journalPath));
      const batches = await this.#takeAll(demand);
      if (!wait || this.#interrupted || batches.length > 0) return batches;
      await this.#watcher.changed();
    }
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#watcher.notify();
  }

  async requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const { prefix } = this.#settings;
    await this.#database.transact(() => {
      const insert = this.#database.statement(
        "INSERT INTO messages (id, prefix, key, sent_at, body) VALUES (?, ?, ?, ?, ?)",
      );
      for (const { bytes, sentAt, place } of bodies) {
        insert.run(Number(place) - this.#firstPlace, prefix, key, sentAt, bytes);
      }
      // A process that has counted the rows before must see that there may be more.
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
    this.#noteWrites(1);
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

  async inspectKey(key: string): Promise<Stock> {
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

  async close(): Promise<void> {
    this.#watcher.close();
    await this.#database.close();
  }

  async #takeAll(demand: Demand): Promise<Batch[]> {
    const batches: Batch[] = [];
    for (const [key, limit] of demand) {
      try {
        const bodies = await this.#take(key, limit);
        if (bodies.length > 0) batches.push({ key, bodies });
      } catch (error) {
        // What another key gave isn't lost with this one's failure; that will show again.
        if (batches.length === 0) throw error;
        break;
      }
    }
    return batches;
  }

  async #take(key: string, limit: number): Promise<StoredBody[]> {
    const { prefix } = this.#settings;
    // Reading takes no lock: idle workers don't disturb those who write.
    const first = await this.#database.run(() =>
      this.#database.statement("SELECT 1 FROM messages WHERE prefix = ? AND key = ? LIMIT 1")
        .get(prefix, key)
    );
    if (!first) return [];
    return await this.#database.transact(() => this.#takeOldest(key, limit));
  }

  #takeOldest(key: string, limit: number): StoredBody[] {
    const { prefix } = this.#settings;
    const rows = this.#database.statement(
      "SELECT id, sent_at, body FROM messages WHERE prefix = ? AND key = ? ORDER BY id LIMIT ?",
    ).all(prefix, key, Math.min(limit, ROWS_AT_ONCE));
    const last = rows.at(-1);
    if (!last) return [];
    this.#database.statement("DELETE FROM messages WHERE prefix = ? AND key = ? AND id <= ?")
      .run(prefix, key, Number(last.id));
    const [now, firstPlace] = [Date.now(), this.#firstPlace];
    return rows.map(({ id, sent_at, body }) => ({
      bytes: body as Uint8Array,
      // One of the future was sent before the clock was set back.
      sentAt: Math.min(Number(sent_at), now),
      place: Number(id) + firstPlace,
    }));
  }

  /** The place of id 0. */
  get #firstPlace(): number {
    return this.#database.fileNumber * IDS_PER_FILE;
  }

  /** @returns How many had room, the first ones. */
  #insert(key: string, bodies: readonly Uint8Array[], capacity: number): number {
    const { prefix } = this.#settings;
    let room = this.#capacities.room(key, capacity, bodies.length);
    if (room < bodies.length && this.#deleteExpired(key)) {
      room = this.#capacities.room(key, capacity, bodies.length);
    }
    const accepted = room < bodies.length ? bodies.slice(0, Math.max(0, room)) : bodies;
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
    this.#noteWrites(keys);
  }

  /** Now and then, deletes expired rows: their channels and groups may not be used any more. */
  #noteWrites(count: number): void {
    this.#unsweptWrites += count;
    if (this.#unsweptWrites < WRITES_BETWEEN_SWEEPS) return;
    const limit = this.#unsweptWrites * SWEEP_FACTOR;
    this.#unsweptWrites = 0;
    this.#database.transact(() => {
      this.#sweepMemberships(limit);
      this.#sweepMessages(limit);
    }).catch(() => {
      // The next write or read fails in the same way, and reports it.
    });
  }

  #sweepMemberships(limit: number): void {
    const { prefix, groupExpiry } = this.#settings;
    this.#database.statement(
      "DELETE FROM memberships WHERE prefix = ? AND (group_name, channel) IN (SELECT group_name, " +
        "channel FROM memberships WHERE prefix = ? AND joined_at <= ? LIMIT ?)",
    ).run(prefix, prefix, Date.now() - groupExpiry, limit);
  }

  /** Looks at the oldest message of the next keys, and starts again after the last one. */
  #sweepMessages(limit: number): void {
    const { prefix, expiry } = this.#settings;
    const oldestOfNext = this.#database.statement(
      "SELECT key, sent_at FROM messages WHERE prefix = ? AND key > ? ORDER BY key, id LIMIT 1",
    );
    const now = Date.now();
    for (let keys = 0; keys < limit; keys++) {
      const row = oldestOfNext.get(prefix, this.#sweptKey);
      this.#sweptKey = row ? String(row.key) : "";
      if (!row) return;
      const age = now - Number(row.sent_at);
      if (age >= expiry || age < 0) this.#sweepKey(this.#sweptKey, now, limit);
    }
  }

  #sweepKey(key: string, now: number, limit: number): void {
    const { prefix, expiry } = this.#settings;
    const oldest =
      "id IN (SELECT id FROM messages WHERE prefix = ? AND key = ? ORDER BY id LIMIT ?)";
    this.#database.statement(`DELETE FROM messages WHERE ${oldest} AND sent_at <= ?`)
      .run(prefix, key, limit, now - expiry);
    // They were sent before the clock was set back: they expire as if they were sent now.
    this.#database.statement(`UPDATE messages SET sent_at = ? WHERE ${oldest} AND sent_at > ?`)
      .run(now, prefix, key, limit, now);
  }
}
