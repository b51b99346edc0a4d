import type { DatabaseSync } from "node:sqlite";
import { LayerConfigurationError } from "../../errors.ts";

/** Marks a file as ours, in its header. */
const APPLICATION_ID = 0x61736769;

/** The version of the tables, in the file's header. */
const VERSION = 2;

/**
 * Creates the tables. Their names are not those of version 1: a process of that version fails,
 * instead of reading or writing rows that it misunderstands.
 *
 * Ids only grow, so that requeued messages return to their place; `sent_at` and `joined_at` are
 * milliseconds since 1970.
 */
const TABLES = `
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  prefix TEXT NOT NULL,
  key TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX messages_by_key ON messages (prefix, key, id);
CREATE TABLE memberships (
  prefix TEXT NOT NULL,
  group_name TEXT NOT NULL,
  channel TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  PRIMARY KEY (prefix, group_name, channel)
) WITHOUT ROWID;
CREATE INDEX memberships_by_age ON memberships (prefix, joined_at);
`;

/** Version 1 put the prefix in front of the key, so that it fits the keys of other prefixes, too. */
const FROM_VERSION_1 = [
  "INSERT INTO messages SELECT id, :prefix, substr(key, length(:prefix) + 1), sent_at, body " +
  "FROM message WHERE substr(key, 1, length(:prefix)) = :prefix",
  "INSERT INTO memberships SELECT :prefix, substr(group_key, length(:start) + 1), channel, joined_at " +
  "FROM membership WHERE substr(group_key, 1, length(:start)) = :start",
];

/**
 * Creates the tables if the file is new. From a file of version 1, it keeps the messages and groups
 * of one prefix; it deletes what belongs to others.
 *
 * @param name The layer, for errors.
 * @throws {LayerConfigurationError} If the file belongs to another program, or to a newer version.
 */
export function prepareTables(database: DatabaseSync, name: string, prefix: string): void {
  checkOwner(database, name);
  // Speed is worth a damaged file after a power cut: its messages are a minute old at most.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  if (pragma(database, "user_version") === VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  // Another process may have done so meanwhile.
  const version = pragma(database, "user_version");
  if (version < VERSION) database.exec(TABLES);
  if (version === 1) migrateFromVersion1(database, prefix);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  if (version < VERSION) database.exec(`PRAGMA user_version = ${VERSION}`);
  database.exec("COMMIT");
}

function checkOwner(database: DatabaseSync, name: string): void {
  const version = pragma(database, "user_version");
  const isOurs = pragma(database, "application_id") === APPLICATION_ID;
  if (!isOurs && (version !== 0 || pragma(database, "schema_version") !== 0)) {
    throw new LayerConfigurationError({
      layer: name,
      reason: "the file belongs to another program: name another file",
    });
  }
  if (version > VERSION) {
    throw new LayerConfigurationError({
      layer: name,
      reason: "the file was created by a newer version of this library: update the library",
    });
  }
}

function migrateFromVersion1(database: DatabaseSync, prefix: string): void {
  const [messages, memberships] = FROM_VERSION_1.map((sql) => database.prepare(sql));
  messages?.run({ prefix });
  memberships?.run({ prefix, start: `${prefix}:group:` });
  database.exec("DROP TABLE message; DROP TABLE membership");
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
