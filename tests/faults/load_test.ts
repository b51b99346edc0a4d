import { assert, assertEquals, assertLess } from "@std/assert";
import {
  ChannelFullError,
  type ChannelLayer,
  RedisChannelLayer,
  SqliteChannelLayer,
} from "@asgi/channels";
import { type Program, startScript, startWorkerProcess } from "../helpers/program.ts";
import { range } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const UNREAD = new URL("../fixtures/layers/unread.ts", import.meta.url).pathname;

/** Sends ten times as fast as one worker handles, and checks what becomes of it on either side. */
async function checkOverload(layer: ChannelLayer, worker: Program): Promise<void> {
  const sent: number[] = [];
  let refused = 0;
  const before = Deno.memoryUsage().heapUsed;
  for (let id = 0; id < 2_000; id++) {
    // A handler takes at least 5 ms; a turn of the loop takes far less.
    try {
      await layer.send("a", { type: "record.slowly", id, duration: 5 });
      sent.push(id);
    } catch (error) {
      assert(error instanceof ChannelFullError);
      assertEquals([error.channel, error.capacity, error.accepted], ["a", 100, 0]);
      refused++;
    }
  }
  assertEquals(sent.length + refused, 2_000);
  assertLess(sent.length, 1_000);
  assertLess(Deno.memoryUsage().heapUsed - before, 50e6);
  await worker.stdout.count(sent.length);
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  assertEquals(worker.stdout.all.map(Number), sent);
}

Deno.test("a sender ten times too fast gets ChannelFullError on SQLite, and nothing is lost", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path });
  await using worker = await startWorkerProcess(["a", "--layer", `sqlite:${path}`]);
  await checkOverload(layer, worker);
});

testWithRedis("A sender ten times too fast for Redis", () => {
  Deno.test("a sender ten times too fast gets ChannelFullError on Redis, and nothing is lost", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using worker = await startWorkerProcess(["a", "--layer", redis.url]);
    await checkOverload(layer, worker);
  });
});

Deno.test("a process-local channel without a reader keeps the newest messages, and logs a few lines", async () => {
  await using folder = await temporaryFolder();
  await using program = startScript(UNREAD, [`${folder.path}/events.sqlite3`]);
  await program.end;
  assertEquals(JSON.parse(program.stdout.all.join("\n")), range(1_000).slice(900));
  const said = program.stderr.all.join("\n");
  const lines = program.stderr.all.filter((line) => line.includes("Dropped"));
  assertEquals(lines.length, 3, said);
  assert(lines[0]?.includes("its mailbox is full"), said);
  assert(lines[2]?.includes("Dropped 100 messages so far"), said);
});
