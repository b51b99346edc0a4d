import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../helpers/temporary.ts";
import { outagesOf, send, startRecording } from "./recording_worker.ts";

/**
 * Sends three events to a worker while another connection holds the lock of the SQLite file, and
 * checks that all are handled, in order, and that nothing is logged.
 *
 * @param whileLocked How long the lock is held, and what is looked at meanwhile.
 */
export async function sendWhileLocked(
  whileLocked: (running: Awaited<ReturnType<typeof startRecording>>) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using running = await startRecording(layer);
  using file = new DatabaseSync(path, { timeout: 1_000 });
  file.exec("BEGIN IMMEDIATE");
  const sending = [0, 1, 2].map((number) => send(layer, number));
  await whileLocked(running);
  file.exec("ROLLBACK");
  await Promise.all(sending);
  await running.seen.reach(3);
  await running.stop();
  assertEquals(running.seen.items, [0, 1, 2]);
  assertEquals(outagesOf(running), [[], []]);
}
