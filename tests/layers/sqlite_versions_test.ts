import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { LayerConfigurationError, SqliteChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../helpers/temporary.ts";

/** The tables of version 1, as its code created them. */
const VERSION_1 = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    body BLOB NOT NULL
  );
  CREATE INDEX message_by_key ON message (key, id);
  CREATE TABLE membership (
    group_key TEXT NOT NULL,
    channel TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (group_key, channel)
  ) WITHOUT ROWID;
  PRAGMA application_id = 0x61736769;
  PRAGMA user_version = 1;
`;

const INSERT = "INSERT INTO message (key, sent_at, body) VALUES (?, ?, ?)";

/** `{ type: "x", n }` in MessagePack, for a small number. */
function bodyOf(n: number): Uint8Array {
  return Uint8Array.of(0x82, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa1, 0x78, 0xa1, 0x6e, n);
}

/** A file of version 1 that a process of that version has open. */
async function openVersion1() {
  const stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await temporaryFolder());
  const path = `${folder}/channels.sqlite3`;
  const file = stack.use(new DatabaseSync(path));
  file.exec(VERSION_1);
  const insert = file.prepare(INSERT);
  const connect = (prefix?: string) =>
    stack.use(new SqliteChannelLayer({ path, ...prefix !== undefined && { prefix } }));
  return { file, insert, connect, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("SqliteChannelLayer: the messages and groups of a file of version 1 are kept", async () => {
  await using old = await openVersion1();
  for (const n of [1, 2]) old.insert.run("asgiletters", Date.now(), bodyOf(n));
  old.file.prepare("INSERT INTO membership VALUES ('asgi:group:readers', 'others', ?)")
    .run(Date.now());
  const layer = old.connect();
  await layer.send("letters", { type: "x", n: 3 });
  await layer.groupSend("readers", { type: "x", n: 4 });
  const received = await layer.receiveMany("letters", { limit: 10 });
  assertEquals(received.map((delivery) => delivery.read()["n"]), [1, 2, 3]);
  assertEquals((await layer.receive("others"))["n"], 4);
});

Deno.test("SqliteChannelLayer: several layers may open a file of version 1 at once", async () => {
  await using old = await openVersion1();
  for (const n of [1, 2]) old.insert.run("asgiletters", Date.now(), bodyOf(n));
  const layers = [1, 2, 3].map(() => old.connect());
  const taken = await Promise.all(
    layers.map((layer) => layer.receiveMany("letters", { limit: 5, wait: false })),
  );
  assertEquals(taken.flat().map((delivery) => delivery.read()["n"]), [1, 2]);
});

Deno.test("SqliteChannelLayer: a process of version 1 fails, and damages nothing", async () => {
  await using old = await openVersion1();
  old.insert.run("asgiletters", Date.now(), bodyOf(1));
  const layer = old.connect();
  await layer.send("letters", { type: "x", n: 2 });
  const insert = () => old.insert.run("asgiletters", Date.now(), bodyOf(3));
  assertThrows(insert, Error, "no such table: message");
  const take = () => old.file.exec("DELETE FROM message RETURNING id");
  assertThrows(take, Error, "no such table: message");
  const received = await layer.receiveMany("letters", { limit: 10 });
  assertEquals(received.map((delivery) => delivery.read()["n"]), [1, 2]);
  const check = old.file.prepare("PRAGMA integrity_check").get();
  assertEquals(Object.values(check ?? {}), ["ok"]);
});

Deno.test("SqliteChannelLayer: a newer version that changes an open file makes it unusable", async () => {
  await using old = await openVersion1();
  const layer = old.connect();
  await layer.send("letters", { type: "x" });
  old.file.exec("DROP TABLE messages; DROP TABLE memberships; PRAGMA user_version = 99");
  for (const call of [() => layer.send("letters", { type: "x" }), () => layer.receive("letters")]) {
    await assertRejects(call, LayerConfigurationError, "newer version of this library: update");
  }
});
