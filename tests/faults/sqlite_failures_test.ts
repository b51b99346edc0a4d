import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram, startScript } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { send } from "./recording_worker.ts";
import { range, remaining } from "../helpers/events.ts";
import { sendWhileLocked } from "./locked_file.ts";
import { pause } from "../helpers/waiting.ts";

const SENDER = new URL("../fixtures/layers/send_batches.ts", import.meta.url).pathname;

/** Kills a sending process after so many batches, and returns how many it has reported as sent. */
async function killWhileSending(path: string, name: string, batches: number): Promise<number> {
  await using sender = startScript(SENDER, [path, name]);
  await sender.stdout.count(batches);
  sender.kill("SIGKILL");
  await sender.end;
  return sender.stdout.all.length;
}

Deno.test("SQLite: a process killed while it writes leaves whole batches, and an intact file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, capacity: 1_000_000 });
  const names = ["one", "two", "three"];
  const known = await Promise.all(names.map((name, at) => killWhileSending(path, name, 20 + at)));
  const left = await remaining(layer, "letters");
  for (const [at, name] of names.entries()) {
    const own = left.filter((event) => event.name === name);
    assertEquals(own.length % 50, 0);
    assertEquals(own.map(({ batch, n }) => Number(batch) * 50 + Number(n)), range(own.length));
    // The reported batches are there, and at most one that it could not report.
    assert(own.length / 50 - known[at]! <= 1 && own.length / 50 >= known[at]!);
  }
  using file = new DatabaseSync(path);
  assertEquals(file.prepare("PRAGMA integrity_check").get(), { integrity_check: "ok" });
});

Deno.test("SQLite: locked by another process, all calls wait, and nothing is logged", async () => {
  await sendWhileLocked(async ({ seen }) => {
    await pause(400);
    assertEquals(seen.items, []);
  });
});

Deno.test("SQLite: a worker exits with status 1 and a reason if a newer version has created the file", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  {
    await using layer = new SqliteChannelLayer({ path });
    await send(layer, 0);
    using file = new DatabaseSync(path);
    file.exec("PRAGMA user_version = 99");
  }
  const app = new URL("../fixtures/app.ts", import.meta.url).href;
  await using worker = startProgram(["runworker", "a", "--app", app, "--layer", `sqlite:${path}`]);
  assertEquals(await worker.end, 1);
  const lines = worker.stderr.all.join("\n");
  assert(lines.includes("created by a newer version of this library: update"), lines);
});
