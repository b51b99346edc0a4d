import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ChannelFullError, MemoryChannelLayer, SqliteChannelLayer } from "@asgi/channels";
import { withClockAt } from "../helpers/clock.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { numbered, numbersOf, range, remaining } from "../helpers/events.ts";

const HOUR = 3_600_000;

Deno.test("MemoryChannelLayer: a clock that is set forward expires nothing", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 100 });
  await layer.sendMany("letters", numbered(100));
  await layer.groupAdd("readers", "others");
  await withClockAt(25 * HOUR, async () => {
    await assertRejects(() => layer.send("letters", { type: "work" }), ChannelFullError);
    await layer.groupSend("readers", { type: "work", number: 0 });
    assertEquals(numbersOf(await remaining(layer, "letters")), range(100));
    assertEquals(numbersOf(await remaining(layer, "others")), [0]);
  });
});

for (const kind of ["memory", "SQLite"]) {
  Deno.test(`a message expires in time if the clock is set back after it was sent, in ${kind}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/channels.sqlite3`;
    await using layer = kind === "memory"
      ? new MemoryChannelLayer()
      : new SqliteChannelLayer({ path });
    await withClockAt(HOUR, () => layer.send("letters", { type: "work" }));
    await layer.send("letters", { type: "work" });
    const [first, second] = await layer.receiveMany("letters", { limit: 2 });
    for (const delivery of [first, second]) {
      assertLess(Math.abs(delivery!.expiresAt - Date.now() - 60_000), 10_000);
    }
  });
}

Deno.test("SqliteChannelLayer: a message sent before the clock was set back doesn't stay forever", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/channels.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, expiry: 1 });
  await withClockAt(HOUR, async () => {
    for (let n = 0; n < 100; n++) await layer.send(`abandoned-${n}`, { type: "work" });
  });
  for (let n = 0; n < 1_000; n++) {
    await layer.send("busy", { type: "work" });
    await layer.receiveMany("busy", { limit: 1, wait: false });
  }
  using file = new DatabaseSync(path);
  assertEquals(file.prepare("SELECT count(*) AS rows FROM messages").get()?.["rows"], 0);
});
