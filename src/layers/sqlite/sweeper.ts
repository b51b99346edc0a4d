import type { LayerSettings } from "../settings.ts";
import type { Database } from "./database.ts";

/** How many rows are written between two sweeps. */
const WRITES_BETWEEN_SWEEPS = 256;

/** How many rows a sweep looks at for each row that was written since the last one. */
const SWEEP_FACTOR = 2;

/** Deletes expired rows at intervals: nothing else deletes those of unused channels and groups. */
export class Sweeper {
  readonly #database: Database;
  readonly #settings: LayerSettings;
  /** The first write sweeps, since a short-lived process may write only once. */
  #unsweptWrites = WRITES_BETWEEN_SWEEPS;
  #sweptKey = "";

  constructor(database: Database, settings: LayerSettings) {
    this.#database = database;
    this.#settings = settings;
  }

  /** Counts rows that were written, and sweeps if they are enough. */
  noteWrites(count: number): void {
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

  /** Looks at the oldest message of the next keys, and starts over after the last key. */
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
    // These were sent before the clock was set back: they expire as if they were sent now.
    this.#database.statement(`UPDATE messages SET sent_at = ? WHERE ${oldest} AND sent_at > ?`)
      .run(now, prefix, key, limit, now);
  }
}
