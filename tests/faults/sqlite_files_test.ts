import { assertEquals, assertMatch } from "@std/assert";
import { LayerUnavailableError, SqliteChannelLayer } from "@asgi/channels";
import { startProgram, startWorker } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** What somebody may delete who doesn't know what it is for. */
const DELETED = {
  "the file": [""],
  "the WAL file": ["-wal"],
  "the shared memory": ["-shm"],
  "all its files": ["", "-wal", "-shm"],
};

/** Sends as a program does that tries again. */
async function sendAtLast(layer: SqliteChannelLayer, id: number): Promise<void> {
  for (const deadline = Date.now() + 5_000;;) {
    try {
      return await layer.send("a", { type: "record", id });
    } catch (error) {
      if (!(error instanceof LayerUnavailableError) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

for (const [what, endings] of Object.entries(DELETED)) {
  Deno.test(`SQLite: ${what} deleted under a worker: it begins anew, and says so`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/events.sqlite3`;
    await using layer = new SqliteChannelLayer({ path });
    await using worker = await startWorker(["a", "--layer", `sqlite:${path}`]);
    for (let id = 0; id < 100; id++) await layer.send("a", { type: "record", id });
    await worker.stdout.until("99");
    for (const ending of endings) await Deno.remove(path + ending);
    // A process that knows nothing of it comes first.
    const event = JSON.stringify({ type: "record", id: 100 });
    await using other = startProgram(["send", "a", event, "--layer", `sqlite:${path}`]);
    await other.end;
    await worker.stderr.until("Reconnected to");
    await sendAtLast(layer, 101);
    await worker.stdout.until("101");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    const told = worker.stdout.all.filter((id) => id !== "100");
    assertEquals(told, [...Array(100).keys(), 101].map(String));
    assertMatch(
      worker.stderr.all.join("\n"),
      /error Lost connection to sqlite:.* was deleted.*retrying/,
    );
  });
}
