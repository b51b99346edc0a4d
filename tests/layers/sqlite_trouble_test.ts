import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  type Delivery,
  LayerConfigurationError,
  LayerUnavailableError,
  SqliteChannelLayer,
} from "@asgi/channels";
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
    const error = await assertRejects(call, LayerConfigurationError, reason);
    assertEquals(error.layer, `sqlite:${path}`);
  }
  await layer.close();
}

Deno.test("SqliteChannelLayer: a file that is no database is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/notes.txt`;
  const text = "Dear diary, this is not a database. ".repeat(100);
  await Deno.writeTextFile(path, text);
  await assertUnusable(path, "the file is not a SQLite database: name another file");
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
  await assertUnusable(path, "the file belongs to another program: name another");
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
  await assertUnusable(path, "created by a newer version of this library: update");
});

Deno.test("SqliteChannelLayer: a file in a folder that doesn't exist is unusable", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/missing/channels.sqlite3`;
  await assertUnusable(path, `folder ${folder.path}/missing does not exist: create it`);
});

Deno.test("SqliteChannelLayer: a folder as file is unusable", async () => {
  await using folder = await temporaryFolder();
  await assertUnusable(folder.path, "cannot open or create the file");
});

Deno.test({
  name: "SqliteChannelLayer: a file in a folder that can't be written is unusable",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await assertUnusable("/proc/channels.sqlite3", "that folder /proc is writable");
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

/** Deletes a file with its journal, and waits until a layer has noticed. */
async function deleteFile(layer: SqliteChannelLayer, path: string): Promise<void> {
  for (const ending of ["", "-wal", "-shm"]) await Deno.remove(path + ending);
  const noticed = async () => {
    for (;;) await layer.inspect(["letters"]);
  };
  await assertRejects(noticed, LayerUnavailableError, "its file was deleted");
}

function numbersOf(deliveries: readonly Delivery[]): unknown[] {
  return deliveries.map((delivery) => delivery.read()["n"]);
}

const numbered = (n: number) => ({ ...EVENT, n });

Deno.test("SqliteChannelLayer: requeue() puts deliveries of a deleted file in front of the new one's", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await layer.sendMany("letters", [0, 1, 2, 3, 4, 5].map(numbered));
  const first = await layer.receiveMany("letters", { limit: 2 });
  const second = await layer.receiveMany("letters", { limit: 2 });
  await deleteFile(layer, path);
  await layer.sendMany("letters", [6, 7].map(numbered));
  await layer.requeue(first);
  await layer.requeue(second);
  assertEquals((await layer.inspect(["letters"])).channels[0]?.depth, 6);
  const taken = await layer.receiveMany("letters", { limit: 3 });
  assertEquals(numbersOf(taken), [0, 1, 2]);
  await deleteFile(layer, path);
  await layer.requeue(taken);
  await layer.send("letters", numbered(8));
  const left = await layer.receiveMany("letters", { limit: 10 });
  assertEquals(numbersOf(left), [0, 1, 2, 8]);
});

Deno.test("SqliteChannelLayer: requeue() of what is in the channel already is refused", async () => {
  await using folder = await temporaryFolder();
  await using layer = new SqliteChannelLayer({ path: `${folder.path}/channels.sqlite3` });
  await layer.sendMany("letters", [0, 1].map(numbered));
  const taken = await layer.receiveMany("letters", { limit: 2 });
  await layer.requeue(taken);
  const again = () => layer.requeue(taken);
  const error = await assertRejects(again, LayerUnavailableError, "requeued already");
  assertEquals(error.outcomeUnknown, true);
  assertEquals(numbersOf(await layer.receiveMany("letters", { limit: 5 })), [0, 1]);
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

/** Registers a test on a small disk of its own. */
function testOnSmallDisk(
  name: string,
  run: (folder: string) => Promise<void>,
  megabytes = 1,
): void {
  Deno.test({
    name: `SqliteChannelLayer: ${name}`,
    ignore: noSmallDisk !== undefined,
    fn: async () => {
      await using folder = await temporaryFolder();
      mount(folder.path, megabytes);
      try {
        await run(folder.path);
      } finally {
        unmount(folder.path);
      }
    },
  });
}

/** Fills a disk up; the caller deletes the file. */
async function fillDisk(folder: string): Promise<string> {
  const filler = `${folder}/filler`;
  // The disk takes what fits of it.
  await Deno.writeFile(filler, new Uint8Array(2 ** 21)).catch(() => {});
  return filler;
}

const DISK_FULL = "the disk is full: free some space";
const LARGE = new Uint8Array(10_000);

testOnSmallDisk("send() says that the disk is full, and works when it isn't", async (folder) => {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  await layer.send("letters", numbered(1));
  const filler = await fillDisk(folder);
  const sending = async () => {
    for (;;) await layer.send("large", { ...EVENT, bytes: LARGE });
  };
  const error = await assertRejects(sending, LayerUnavailableError, DISK_FULL);
  assertEquals(error.outcomeUnknown, false);
  await Deno.remove(filler);
  await layer.send("letters", numbered(2));
  assertEquals(numbersOf(await layer.receiveMany("letters", { limit: 5 })), [1, 2]);
});

testOnSmallDisk("receiveMany() loses nothing when the disk is full", async (folder) => {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  const sent = Array.from({ length: 20 }, (_, n) => n);
  await layer.sendMany("letters", sent.map((n) => ({ ...numbered(n), bytes: LARGE })));
  const filler = await fillDisk(folder);
  const received: unknown[] = [];
  const receive = async () =>
    received.push(...numbersOf(await layer.receiveMany("letters", { limit: 1 })));
  const receiveAll = async () => {
    while (received.length < sent.length) await receive();
  };
  const error = await assertRejects(receiveAll, LayerUnavailableError, DISK_FULL);
  assertEquals(error.outcomeUnknown, false);
  await Deno.remove(filler);
  await receiveAll();
  assertEquals(received, sent);
});

testOnSmallDisk("requeue() changes nothing when the disk is full", async (folder) => {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  const sent = Array.from({ length: 30 }, (_, n) => n);
  await layer.sendMany("letters", sent.map((n) => ({ ...numbered(n), bytes: LARGE })));
  const taken = await layer.receiveMany("letters", { limit: 20 });
  // What was taken left free pages in the file.
  await layer.sendMany("others", taken.map(() => ({ ...EVENT, bytes: LARGE })));
  const filler = await fillDisk(folder);
  const requeue = () => layer.requeue(taken);
  const error = await assertRejects(requeue, LayerUnavailableError, DISK_FULL);
  assertEquals(error.outcomeUnknown, false);
  await Deno.remove(filler);
  await layer.receiveMany("others", { limit: 50 });
  await requeue();
  assertEquals(numbersOf(await layer.receiveMany("letters", { limit: 50 })), sent);
});

testOnSmallDisk(
  "groupSend() reaches no member when the disk is full, and says so",
  async (folder) => {
    await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
    const members = Array.from({ length: 300 }, (_, n) => `letters-${n}`);
    for (const channel of members) await layer.groupAdd("readers", channel);
    const large = { ...EVENT, bytes: new Uint8Array(20_000) };
    const error = await assertRejects(
      () => layer.groupSend("readers", large),
      LayerUnavailableError,
      "the disk is full: free some space; the message was not sent",
    );
    assertEquals(error.outcomeUnknown, false);
    const { channels } = await layer.inspect(members);
    assertEquals(channels.filter(({ depth }) => depth > 0), []);
  },
  6,
);
