import { assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { LayerUnavailableError, SqliteChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../../helpers/temporary.ts";
import { sendWhileLocked } from "../locked_file.ts";
import { send, startRecording } from "../recording_worker.ts";
import { pause } from "../../helpers/waiting.ts";

Deno.test("SQLite locked for 10 s: all calls wait, nothing is lost and nothing is logged", async () => {
  await sendWhileLocked(async () => {
    let longestTurn = 0;
    for (let now = performance.now(), end = now + 10_000; now < end;) {
      await pause(5);
      longestTurn = Math.max(longestTurn, performance.now() - now);
      now = performance.now();
    }
    assertEquals(longestTurn < 500, true, `The event loop stood still for ${longestTurn} ms`);
  });
});

Deno.test("SQLite locked for more than 30 s: senders to several channels wait side by side", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await send(layer, 0);
  using file = new DatabaseSync(path);
  file.exec("BEGIN IMMEDIATE");
  const start = performance.now();
  const durations = await Promise.all(["a", "b", "c", "d"].map(async (channel) => {
    const sending = () => layer.send(channel, { type: "work" });
    const error = await assertRejects(sending, LayerUnavailableError, "has locked the file");
    assertEquals(error.outcomeUnknown, false);
    return performance.now() - start;
  }));
  file.exec("ROLLBACK");
  assertEquals(durations.map((duration) => duration >= 30_000 && duration < 35_000), [
    true,
    true,
    true,
    true,
  ]);
});

Deno.test("SQLite locked for more than 30 s: a send fails and sends nothing, and the worker keeps running", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using running = await startRecording(layer);
  {
    using file = new DatabaseSync(path, { timeout: 1_000 });
    file.exec("BEGIN IMMEDIATE");
    const error = await assertRejects(() => send(layer, 0), LayerUnavailableError);
    assertEquals(error.outcomeUnknown, false);
    file.exec("ROLLBACK");
  }
  await send(layer, 1);
  await running.seen.reach(1);
  await running.stop();
  assertEquals(running.seen.items, [1]);
});
