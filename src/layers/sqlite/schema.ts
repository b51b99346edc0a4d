/** Marks a file as ours, in its header. */
export const APPLICATION_ID = 0x61736769;

/** The version of the tables, in the file's header. */
export const SCHEMA_VERSION = 1;

/**
 * Makes the tables. Ids grow for ever, so that what is handed back finds its place again;
 * `sent_at` and `joined_at` are milliseconds since 1970.
 */
export const SCHEMA = `
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS message_by_key ON message (key, id);
CREATE TABLE IF NOT EXISTS membership (
  group_key TEXT NOT NULL,
  channel TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  PRIMARY KEY (group_key, channel)
) WITHOUT ROWID;
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
COMMIT;
`;
