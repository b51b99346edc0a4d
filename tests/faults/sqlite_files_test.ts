import { assertEquals, assertMatch } from "@std/assert";
import { SqliteChannelLayer } from "@asgi/channels";
import { startProgram, startWorkerProcess } from "../helpers/program.ts";
import { removeIfPresent, temporaryFolder } from "../helpers/temporary.ts";
import { sendAtLast } from "./recording_worker.ts";
import { range } from "../helpers/events.ts";

/** The files that may be deleted by mistake. */
const DELETED = {
  "the file": [""],
  "the WAL file": ["-wal"],
  "the shared memory": ["-shm"],
  "all its files": ["", "-wal", "-shm"],
};

for (const [what, endings] of Object.entries(DELETED)) {
  Deno.test(`SQLite: ${what} deleted under a worker: it creates a new file, and logs it`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/events.sqlite3`;
    await using layer = new SqliteChannelLayer({ path });
    await using worker = await startWorkerProcess(["a", "--layer", `sqlite:${path}`]);
    for (let id = 0; id < 100; id++) await layer.send("a", { type: "record", id });
    await worker.stdout.until("99");
    for (const ending of endings) await removeIfPresent(path + ending);
    // Another process opens the file first.
    const event = JSON.stringify({ type: "record", id: 100 });
    await using other = startProgram(["send", "a", event, "--layer", `sqlite:${path}`]);
    await other.end;
    await worker.stderr.until("Reconnected to");
    await sendAtLast(layer, { type: "record", id: 101 }, "a");
    await worker.stdout.until("101");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    const told = worker.stdout.all.filter((id) => id !== "100");
    assertEquals(told, [...range(100), 101].map(String));
    assertMatch(
      worker.stderr.all.join("\n"),
      /error Lost connection to sqlite:.* was deleted.*retrying/,
    );
  });
}
