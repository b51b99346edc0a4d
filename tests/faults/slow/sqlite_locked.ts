import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../../helpers/temporary.ts";
import { outagesOf, send, startRecording } from "../recording.ts";

Deno.test("SQLite locked for 10 s: everybody waits, nothing is lost and nothing said", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using running = await startRecording(layer);
  using file = new DatabaseSync(path, { timeout: 1_000 });
  file.exec("BEGIN IMMEDIATE");
  const sending = [0, 1, 2].map((number) => send(layer, number));
  let longestTurn = 0;
  for (let now = performance.now(), end = now + 10_000; now < end;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    longestTurn = Math.max(longestTurn, performance.now() - now);
    now = performance.now();
  }
  assertEquals(longestTurn < 500, true, `The event loop stood still for ${longestTurn} ms`);
  file.exec("ROLLBACK");
  await Promise.all(sending);
  await running.seen.reach(3);
  await running.stop();
  assertEquals(running.seen.items, [0, 1, 2]);
  assertEquals(outagesOf(running), [[], []]);
});
