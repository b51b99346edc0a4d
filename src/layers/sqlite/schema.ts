import type { DatabaseSync } from "node:sqlite";
import { LayerConfigurationError } from "../../errors/mod.ts";

/** The application id in the header of this library's files. */
const APPLICATION_ID = 0x61736769;

/** The version of the tables, in the header of the file. */
const VERSION = 2;

/**
 * Creates the tables. Their names differ from those of version 1, so that a process of that version fails
 * instead of misinterpreting rows.
 *
 * Ids only grow, so that requeued messages return to their positions; `sent_at` and `joined_at` are
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

/** In version 1, the key started with the prefix, and could match the keys of other prefixes. */
const FROM_VERSION_1 = [
  "INSERT INTO messages SELECT id, :prefix, substr(key, length(:prefix) + 1), sent_at, body " +
  "FROM message WHERE substr(key, 1, length(:prefix)) = :prefix",
  "INSERT INTO memberships SELECT :prefix, substr(group_key, length(:start) + 1), channel, joined_at " +
  "FROM membership WHERE substr(group_key, 1, length(:start)) = :start",
];

/**
 * Creates the tables if the file is new. Converts a file of version 1: the messages and groups of one
 * prefix are kept, those of others are deleted.
 *
 * @param name The URL of the layer, for errors.
 * @throws {LayerConfigurationError} If the file belongs to another program, or to a newer version.
 */
export function prepareTables(database: DatabaseSync, name: string, prefix: string): void {
  checkOwner(database, name);
  // Trades durability for speed: a power cut may damage the file, which holds messages in transit only.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  if (pragma(database, "user_version") === VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  // Another process may have created the tables meanwhile.
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
