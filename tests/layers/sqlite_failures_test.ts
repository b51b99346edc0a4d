import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  type Delivery,
  LayerConfigurationError,
  LayerUnavailableError,
  SqliteChannelLayer,
} from "@asgi/channels";
import { say } from "../helpers/program.ts";
import { removeIfPresent, temporaryFolder } from "../helpers/temporary.ts";
import { range } from "../helpers/events.ts";
import { type SmallDisk, smallDisk } from "../helpers/small_disk.ts";

const EVENT = { type: "test.event" };

/** Asserts that every method rejects with an error that states the reason and the remedy. */
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

Deno.test("SqliteChannelLayer: a file that is not a database is a LayerConfigurationError", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/notes.txt`;
  const text = "Dear diary, this is not a database. ".repeat(100);
  await Deno.writeTextFile(path, text);
  await assertUnusable(path, "the file is not a SQLite database: name another file");
  assertEquals(await Deno.readTextFile(path), text);
});

Deno.test("SqliteChannelLayer: the database of another program is a LayerConfigurationError", async () => {
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

Deno.test("SqliteChannelLayer: a file of a newer version of the library is a LayerConfigurationError", async () => {
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

Deno.test("SqliteChannelLayer: a file in a folder that doesn't exist is a LayerConfigurationError", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/missing/channels.sqlite3`;
  await assertUnusable(path, `folder ${folder.path}/missing does not exist: create it`);
});

Deno.test("SqliteChannelLayer: a folder instead of a file is a LayerConfigurationError", async () => {
  await using folder = await temporaryFolder();
  await assertUnusable(folder.path, "cannot open or create the file");
});

Deno.test({
  name: "SqliteChannelLayer: a file in a read-only folder is a LayerConfigurationError",
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
  for (const ending of ["", "-wal", "-shm"]) await removeIfPresent(path + ending);
  const noticed = async () => {
    for (;;) await layer.inspect(["letters"]);
  };
  await assertRejects(noticed, LayerUnavailableError, "its file was deleted");
}

function numbersIn(deliveries: readonly Delivery[]): unknown[] {
  return deliveries.map((delivery) => delivery.read()["n"]);
}

const eventOf = (n: number) => ({ ...EVENT, n });

Deno.test("SqliteChannelLayer: requeue() puts deliveries of a deleted file in front of the new one's", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await layer.sendMany("letters", [0, 1, 2, 3, 4, 5].map(eventOf));
  const first = await layer.receiveMany("letters", { limit: 2 });
  const second = await layer.receiveMany("letters", { limit: 2 });
  await deleteFile(layer, path);
  await layer.sendMany("letters", [6, 7].map(eventOf));
  await layer.requeue(first);
  await layer.requeue(second);
  assertEquals((await layer.inspect(["letters"])).channels[0]?.depth, 6);
  const taken = await layer.receiveMany("letters", { limit: 3 });
  assertEquals(numbersIn(taken), [0, 1, 2]);
  await deleteFile(layer, path);
  await layer.requeue(taken);
  await layer.send("letters", eventOf(8));
  const left = await layer.receiveMany("letters", { limit: 10 });
  assertEquals(numbersIn(left), [0, 1, 2, 8]);
});

Deno.test("SqliteChannelLayer: requeue() of events that are already in the channel is rejected", async () => {
  await using folder = await temporaryFolder();
  await using layer = new SqliteChannelLayer({ path: `${folder.path}/channels.sqlite3` });
  await layer.sendMany("letters", [0, 1].map(eventOf));
  const taken = await layer.receiveMany("letters", { limit: 2 });
  await layer.requeue(taken);
  const again = () => layer.requeue(taken);
  const error = await assertRejects(again, LayerUnavailableError, "requeued already");
  assertEquals(error.outcomeUnknown, true);
  assertEquals(numbersIn(await layer.receiveMany("letters", { limit: 5 })), [0, 1]);
});

/** Returns why no small disk can be mounted, if so. */
function whyNoSmallDisk(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return "only root can make a small disk";
  const folder = Deno.makeTempDirSync();
  const { isSmall } = useDisk(`${folder}/disk`);
  Deno.removeSync(folder, { recursive: true });
  return isSmall ? undefined : "a small disk can't be mounted here";
}

function useDisk(path: string): SmallDisk {
  using disk = smallDisk(path, 1);
  return disk;
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
      using disk = smallDisk(`${folder.path}/disk`, megabytes);
      await run(disk.path);
    },
  });
}

/** Fills a disk up; the caller deletes the file. */
async function fillDisk(folder: string): Promise<string> {
  const filler = `${folder}/filler`;
  // The disk stores as much as fits.
  await Deno.writeFile(filler, new Uint8Array(2 ** 21)).catch(() => {});
  return filler;
}

const DISK_FULL = "the disk is full: free some space";
const LARGE = new Uint8Array(10_000);

testOnSmallDisk("send() says that the disk is full, and works when it is not", async (folder) => {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  await layer.send("letters", eventOf(1));
  const filler = await fillDisk(folder);
  const sending = async () => {
    for (;;) await layer.send("large", { ...EVENT, bytes: LARGE });
  };
  const error = await assertRejects(sending, LayerUnavailableError, DISK_FULL);
  assertEquals(error.outcomeUnknown, false);
  await Deno.remove(filler);
  await layer.send("letters", eventOf(2));
  assertEquals(numbersIn(await layer.receiveMany("letters", { limit: 5 })), [1, 2]);
});

testOnSmallDisk("receiveMany() loses nothing when the disk is full", async (folder) => {
  await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
  const sent = range(20);
  await layer.sendMany("letters", sent.map((n) => ({ ...eventOf(n), bytes: LARGE })));
  const filler = await fillDisk(folder);
  const received: unknown[] = [];
  const receive = async () =>
    received.push(...numbersIn(await layer.receiveMany("letters", { limit: 1 })));
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
  const sent = range(30);
  await layer.sendMany("letters", sent.map((n) => ({ ...eventOf(n), bytes: LARGE })));
  const taken = await layer.receiveMany("letters", { limit: 20 });
  // The received messages have left free pages in the file.
  await layer.sendMany("others", taken.map(() => ({ ...EVENT, bytes: LARGE })));
  const filler = await fillDisk(folder);
  const requeue = () => layer.requeue(taken);
  const error = await assertRejects(requeue, LayerUnavailableError, DISK_FULL);
  assertEquals(error.outcomeUnknown, false);
  await Deno.remove(filler);
  await layer.receiveMany("others", { limit: 50 });
  await requeue();
  assertEquals(numbersIn(await layer.receiveMany("letters", { limit: 50 })), sent);
});

testOnSmallDisk(
  "groupSend() reaches no member when the disk is full, and says so",
  async (folder) => {
    await using layer = new SqliteChannelLayer({ path: `${folder}/channels.sqlite3` });
    const members = range(300).map((n) => `letters-${n}`);
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
