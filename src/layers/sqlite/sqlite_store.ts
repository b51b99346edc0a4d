import type { ServerInspection } from "../channel_layer.ts";
import type { LayerSettings } from "../options.ts";
import type { Batch, Demand, Parcel, Source, Stock, Store, StoredBody } from "../store.ts";
import { Database } from "./database.ts";
import { Doorbell } from "./doorbell.ts";
import { Room } from "./room.ts";

/** How many rows one transaction writes at most: it holds the lock, and the event loop. */
const ROWS_AT_ONCE = 128;

/** Every so many writes, the oldest messages of the whole file are looked through. */
const WRITES_BETWEEN_SWEEPS = 256;

/** Keeps bodies in a SQLite file that many processes share. */
export class SqliteStore implements Store, Source {
  readonly step = { messages: ROWS_AT_ONCE, bytes: Infinity };
  readonly #sources = [this];
  readonly #settings: LayerSettings;
  readonly #database: Database;
  readonly #doorbell = new Doorbell();
  readonly #room: Room;
  #interrupted = false;
  #writes = 0;

  constructor(path: string, name: string, settings: LayerSettings) {
    this.#database = new Database(path, name);
    this.#room = new Room(this.#database);
    this.#settings = settings;
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const accepted = await this.#database.transact(() =>
      this.#insertAll(this.#settings.prefix + key, bodies, capacity)
    );
    this.#afterWrite();
    return accepted;
  }

  async broadcast(parcels: readonly Parcel[]): Promise<void> {
    for (let start = 0; start < parcels.length; start += ROWS_AT_ONCE) {
      await this.#database.transact(() => {
        for (const { key, body, capacity } of parcels.slice(start, start + ROWS_AT_ONCE)) {
          this.#insert(this.#settings.prefix + key, body, capacity);
        }
      });
    }
    this.#afterWrite();
  }

  sourcesOf(): readonly Source[] {
    return this.#sources;
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    this.#interrupted = false;
    for (;;) {
      await this.#database.run(() => this.#doorbell.listen(this.#database.journalPath));
      const batches = await this.#takeAll(demand);
      if (!wait || this.#interrupted || batches.length > 0) return batches;
      await this.#doorbell.wait();
    }
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#doorbell.ring();
  }

  async putBack(key: string, bodies: readonly StoredBody[]): Promise<void> {
    await this.#database.transact(() => {
      const insert = this.#database.statement(
        "INSERT INTO message (id, key, sent_at, body) VALUES (?, ?, ?, ?)",
      );
      for (const { bytes, sentAt, place } of bodies) {
        insert.run(Number(place), this.#settings.prefix + key, sentAt, bytes);
      }
      // Whoever has counted the rows before sees that more may have come.
      this.#database.statement("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'message'")
        .run(bodies.length);
    });
    this.#doorbell.ring();
  }

  groupAdd(group: string, channel: string): Promise<void> {
    return this.#database.run(() => {
      this.#database.statement("INSERT OR REPLACE INTO membership VALUES (?, ?, ?)")
        .run(this.#groupKey(group), channel, Date.now());
    });
  }

  groupDiscard(group: string, channel: string): Promise<void> {
    return this.#database.run(() => {
      this.#database.statement("DELETE FROM membership WHERE group_key = ? AND channel = ?")
        .run(this.#groupKey(group), channel);
    });
  }

  async groupMembers(group: string): Promise<string[]> {
    const oldest = Date.now() - this.#settings.groupExpiry;
    const rows = await this.#database.run(() =>
      this.#database.statement("SELECT channel, joined_at FROM membership WHERE group_key = ?")
        .all(this.#groupKey(group))
    );
    const live = rows.filter(({ joined_at }) => Number(joined_at) > oldest);
    if (live.length < rows.length) await this.#dropOldMembers(group, oldest);
    return live.map(({ channel }) => String(channel));
  }

  flush(): Promise<void> {
    const { prefix } = this.#settings;
    return this.#database.transact(() => {
      for (const [table, column] of [["message", "key"], ["membership", "group_key"]]) {
        this.#database.statement(`DELETE FROM ${table} WHERE substr(${column}, 1, ?) = ?`)
          .run(prefix.length, prefix);
      }
    });
  }

  async inspectServers(): Promise<ServerInspection[]> {
    if (!this.#database.exists) return [];
    const start = performance.now();
    const row = await this.#database.run(() =>
      this.#database.statement("SELECT sqlite_version() AS version, count(*) FROM message").get()
    );
    const roundTrip = performance.now() - start;
    return [{ name: this.#database.name, version: `SQLite ${row?.version}`, roundTrip }];
  }

  async inspectKey(key: string): Promise<Stock> {
    if (!this.#database.exists) return { count: 0 };
    const row = await this.#database.run(() =>
      this.#database.statement(
        "SELECT count(*) AS count, min(sent_at) AS oldest FROM message WHERE key = ? AND sent_at > ?",
      ).get(this.#settings.prefix + key, Date.now() - this.#settings.expiry)
    );
    const count = Number(row?.count);
    return count === 0 ? { count } : { count, oldest: Number(row?.oldest) };
  }

  async close(): Promise<void> {
    this.#doorbell.close();
    await this.#database.close();
  }

  async #takeAll(demand: Demand): Promise<Batch[]> {
    const batches: Batch[] = [];
    for (const [key, limit] of demand) {
      try {
        const bodies = await this.#database.run(() => this.#take(key, limit));
        if (bodies.length > 0) batches.push({ key, bodies });
      } catch (error) {
        // What another key gave isn't lost with this one's failure; that will show again.
        if (batches.length === 0) throw error;
        break;
      }
    }
    return batches;
  }

  #take(key: string, limit: number): StoredBody[] {
    const name = this.#settings.prefix + key;
    // Reading takes no lock: idle workers don't disturb those who write.
    if (!this.#database.statement("SELECT 1 FROM message WHERE key = ? LIMIT 1").get(name)) {
      return [];
    }
    const rows = this.#database.statement(
      "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE key = ? ORDER BY id LIMIT ?) " +
        "RETURNING id, sent_at, body",
    ).all(name, Math.min(limit, ROWS_AT_ONCE));
    return rows
      .map(({ id, sent_at, body }) => ({
        bytes: body as Uint8Array,
        sentAt: Number(sent_at),
        place: Number(id),
      }))
      .sort((a, b) => a.place - b.place);
  }

  #insertAll(key: string, bodies: readonly Uint8Array[], capacity: number): number {
    const refused = bodies.findIndex((body) => !this.#insert(key, body, capacity));
    return refused === -1 ? bodies.length : refused;
  }

  #insert(key: string, body: Uint8Array, capacity: number): boolean {
    if (!this.#room.has(key, capacity) && !this.#makeRoom(key)) return false;
    this.#database.statement("INSERT INTO message (key, sent_at, body) VALUES (?, ?, ?)")
      .run(key, Date.now(), body);
    return true;
  }

  /** Deletes what has expired in a key that is full. */
  #makeRoom(key: string): boolean {
    const { changes } = this.#database
      .statement("DELETE FROM message WHERE key = ? AND sent_at <= ?")
      .run(key, Date.now() - this.#settings.expiry);
    return Number(changes) > 0;
  }

  /** Wakes those of this process who wait; now and then, clears up after those who are gone. */
  #afterWrite(): void {
    this.#doorbell.ring();
    if (this.#writes++ % WRITES_BETWEEN_SWEEPS !== 0) return;
    this.#sweep().catch(() => {
      // Whoever writes or reads next meets the same trouble, and is told.
    });
  }

  /** Deletes the oldest of the file that have expired: their channels may not be used any more. */
  #sweep(): Promise<void> {
    const { prefix, expiry } = this.#settings;
    return this.#database.run(() => {
      this.#database.statement(
        "DELETE FROM message WHERE id IN (SELECT id FROM message ORDER BY id LIMIT ?) " +
          "AND sent_at <= ? AND substr(key, 1, ?) = ?",
      ).run(WRITES_BETWEEN_SWEEPS * 2, Date.now() - expiry, prefix.length, prefix);
    });
  }

  async #dropOldMembers(group: string, oldest: number): Promise<void> {
    await this.#database.run(() => {
      this.#database.statement("DELETE FROM membership WHERE group_key = ? AND joined_at <= ?")
        .run(this.#groupKey(group), oldest);
    });
  }

  #groupKey(group: string): string {
    return `${this.#settings.prefix}:group:${group}`;
  }
}
