import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteChannelLayer, type SqliteChannelLayerOptions } from "@asgi/channels";
import { temporaryFolder } from "../helpers/temporary.ts";

const EVENT = { type: "test.event" };

/** A file, and layers on it that are closed at the end. */
async function openFile() {
  const stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(await temporaryFolder());
  const path = `${folder}/channels.sqlite3`;
  return {
    connect: (options: SqliteChannelLayerOptions) =>
      stack.use(new SqliteChannelLayer({ capacity: 10_000, ...options, path })),
    /** How many rows a table of the file has. */
    count(table: "messages" | "memberships", prefix: string): unknown {
      using file = new DatabaseSync(path);
      return file.prepare(`SELECT count(*) AS rows FROM ${table} WHERE prefix = ?`)
        .get(prefix)?.["rows"];
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Writes often enough for expired rows to be deleted. */
async function writeMany(layer: SqliteChannelLayer, times = 600): Promise<void> {
  for (let n = 0; n < times; n++) {
    await layer.send("busy", EVENT);
    await layer.receiveMany("busy", { limit: 1, wait: false });
  }
}

Deno.test("SqliteChannelLayer: send() deletes expired messages of channels without a reader", async () => {
  await using file = await openFile();
  const brief = file.connect({ prefix: "brief", expiry: 1 });
  for (let n = 0; n < 300; n++) await brief.send(`abandoned-${n}`, EVENT);
  await writeMany(brief);
  assertEquals(file.count("messages", "brief"), 0);
});

Deno.test("SqliteChannelLayer: groupSend() deletes expired messages of channels without a reader", async () => {
  await using file = await openFile();
  const brief = file.connect({ prefix: "brief", expiry: 1 });
  for (let n = 0; n < 300; n++) await brief.groupAdd("readers", `abandoned-${n}`);
  for (let n = 0; n < 10; n++) await brief.groupSend("readers", EVENT);
  for (let n = 0; n < 300; n++) await brief.groupDiscard("readers", `abandoned-${n}`);
  await writeMany(brief);
  assertEquals(file.count("messages", "brief"), 0);
});

Deno.test("SqliteChannelLayer: a layer with a short expiry deletes nothing of a longer prefix", async () => {
  await using file = await openFile();
  const app = file.connect({ prefix: "app", expiry: 1, groupExpiry: 1 });
  const long = file.connect({ prefix: "app-long" });
  await long.sendMany("jobs", Array(500).fill(EVENT));
  await long.groupAdd("readers", "jobs");
  await writeMany(app);
  const { channels } = await long.inspect(["jobs"]);
  assertEquals(channels[0]?.depth, 500);
  assertEquals(file.count("memberships", "app-long"), 1);
});

Deno.test("SqliteChannelLayer: expired messages behind those of another prefix are deleted", async () => {
  await using file = await openFile();
  await file.connect({ prefix: "other" }).sendMany("jobs", Array(1_000).fill(EVENT));
  const brief = file.connect({ prefix: "brief", expiry: 1 });
  for (let n = 0; n < 1_000; n++) await brief.send(`abandoned-${n}`, EVENT);
  await writeMany(brief, 1_000);
  assertEquals(file.count("messages", "brief"), 0);
  assertEquals(file.count("messages", "other"), 1_000);
});

Deno.test("SqliteChannelLayer: expired memberships are deleted", async () => {
  await using file = await openFile();
  const layer = file.connect({ prefix: "brief", groupExpiry: 1 });
  for (let n = 0; n < 1_000; n++) await layer.groupAdd(`room-${n}`, "letters");
  await writeMany(layer, 1_000);
  assertEquals(file.count("memberships", "brief"), 0);
});
