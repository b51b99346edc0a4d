import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { LayerUnavailableError, LayerUnusableError, SqliteChannelLayer } from "@asgi/channels";
import { say } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const EVENT = { type: "test.event" };

/** Whatever is called: it rejects with an error that says what is wrong and what mends it. */
async function assertUnusable(path: string, reason: string): Promise<void> {
  const layer = new SqliteChannelLayer({ path });
  const calls = [
    () => layer.send("letters", EVENT),
    () => layer.receive("letters"),
    () => layer.receive(layer.newChannel()),
    () => layer.groupAdd("readers", "letters"),
    () => layer.flush(),
  ];
  for (const call of calls) {
    const error = await assertRejects(call, LayerUnusableError, reason);
    assertEquals(error.layer, `sqlite:${path}`);
  }
  await layer.close();
}

Deno.test("SqliteChannelLayer: a file that is no database is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/notes.txt`;
  const text = "Dear diary, this is not a database. ".repeat(100);
  await Deno.writeTextFile(path, text);
  await assertUnusable(path, "the file is no SQLite database: name another file");
  assertEquals(await Deno.readTextFile(path), text);
});

Deno.test("SqliteChannelLayer: the database of another program is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/bank.sqlite3`;
  {
    using bank = new DatabaseSync(path);
    bank.exec("CREATE TABLE message (money INTEGER); INSERT INTO message VALUES (5)");
  }
  const before = await Deno.readFile(path);
  await assertUnusable(path, "the database of something else: name another");
  assertEquals(await Deno.readFile(path), before);
});

Deno.test("SqliteChannelLayer: a file of a newer version of the library is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  const layer = new SqliteChannelLayer({ path });
  await layer.send("letters", EVENT);
  await layer.close();
  {
    using file = new DatabaseSync(path);
    file.exec("PRAGMA user_version = 99");
  }
  await assertUnusable(path, "a newer version of this library made the file: update");
});

Deno.test("SqliteChannelLayer: a file in a folder that doesn't exist is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/missing/channels.sqlite3`;
  await assertUnusable(path, `folder ${folder.path}/missing does not exist: make it`);
});

Deno.test("SqliteChannelLayer: a folder as file is unusable", async () => {
  await using folder = await temporaryFolder();
  await assertUnusable(folder.path, "the file cannot be opened or made");
});

Deno.test({
  name: "SqliteChannelLayer: a file in a folder that can't be written is unusable",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await assertUnusable("/proc/channels.sqlite3", "is folder /proc writable");
  },
});

Deno.test("SqliteChannelLayer: an empty file is a new one", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  await Deno.writeTextFile(path, "");
  await using layer = new SqliteChannelLayer({ path });
  await layer.send("letters", EVENT);
  assertEquals(await layer.receive("letters"), EVENT);
});

Deno.test("SqliteChannelLayer: a file keeps what was sent until the next process", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  {
    await using layer = new SqliteChannelLayer({ path });
    await layer.send("letters", EVENT);
  }
  await using layer = new SqliteChannelLayer({ path });
  assertEquals(await layer.receive("letters"), EVENT);
});

Deno.test("SqliteChannelLayer: a path that processes can't share is refused", () => {
  for (const path of ["", ":memory:"]) {
    const make = () => new SqliteChannelLayer({ path });
    assertThrows(make, TypeError, "path must name a file that processes can share");
  }
});

Deno.test("SqliteChannelLayer: send() clears up after channels that nobody reads", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  await using brief = new SqliteChannelLayer({ path, expiry: 1 });
  for (let n = 0; n < 300; n++) await brief.send(`abandoned-${n}`, EVENT);
  await using other = new SqliteChannelLayer({ path, prefix: "other" });
  await other.send("letters", EVENT);
  for (let n = 0; n < 300; n++) {
    await brief.send("busy", EVENT);
    await brief.receiveMany("busy", { limit: 1, wait: false });
  }
  using file = new DatabaseSync(path);
  const left = file.prepare("SELECT count(*) AS n FROM message WHERE key LIKE '%abandoned%'").get();
  assertEquals(left?.["n"], 0);
  assertEquals(await other.receive("letters"), EVENT);
});

/** How to make a disk that is soon full; why not, where that can't be done. */
function whyNoSmallDisk(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root can make a small disk";
  const place = Deno.makeTempDirSync();
  const mounted = mount(place);
  if (mounted) unmount(place);
  Deno.removeSync(place);
  return mounted ? undefined : "a small disk can't be mounted here";
}

function mount(place: string, megabytes = 1): boolean {
  const args = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", place];
  return new Deno.Command("mount", { args }).outputSync().success;
}

function unmount(place: string): void {
  new Deno.Command("umount", { args: [place] }).outputSync();
}

const noSmallDisk = whyNoSmallDisk();
if (noSmallDisk) say(`SqliteChannelLayer on a full disk: not tested, ${noSmallDisk}`);

Deno.test({
  name: "SqliteChannelLayer: send() says that the disk is full, and works when it isn't",
  ignore: noSmallDisk !== undefined,
  fn: async () => {
    await using folder = await temporaryFolder();
    mount(folder.path);
    try {
      await fillAndRecover(folder.path);
    } finally {
      unmount(folder.path);
    }
  },
});

Deno.test({
  name: "SqliteChannelLayer: groupSend() that finds the disk full reaches no member, and says so",
  ignore: noSmallDisk !== undefined,
  fn: async () => {
    await using folder = await temporaryFolder();
    mount(folder.path, 6);
    try {
      await sendTooMuch(folder.path);
    } finally {
      unmount(folder.path);
    }
  },
});

async function sendTooMuch(folder: string): Promise<void> {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  const members = Array.from({ length: 300 }, (_, n) => `letters-${n}`);
  for (const channel of members) await layer.groupAdd("readers", channel);
  const large = { ...EVENT, bytes: new Uint8Array(20_000) };
  const error = await assertRejects(
    () => layer.groupSend("readers", large),
    LayerUnavailableError,
    "the disk is full: free some space; the message was not sent",
  );
  assertEquals(error.mayBeDone, false);
  const { channels } = await layer.inspect(members);
  assertEquals(channels.filter(({ depth }) => depth > 0), []);
}

async function fillAndRecover(folder: string): Promise<void> {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  await layer.send("letters", { ...EVENT, n: 1 });
  const filler = `${folder}/filler`;
  // The disk takes what fits of it.
  await Deno.writeFile(filler, new Uint8Array(2 ** 21)).catch(() => {});
  const sending = async () => {
    for (;;) await layer.send("large", { ...EVENT, bytes: new Uint8Array(10_000) });
  };
  await assertRejects(sending, LayerUnavailableError, "the disk is full: free some space");
  await Deno.remove(filler);
  await layer.send("letters", { ...EVENT, n: 2 });
  assertEquals(await layer.receive("letters"), { ...EVENT, n: 1 });
  assertEquals(await layer.receive("letters"), { ...EVENT, n: 2 });
}
