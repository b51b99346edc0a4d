import { assertEquals } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer, SqliteChannelLayer } from "@asgi/channels";
import { range, untilEmpty, withIds } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { startWorkerProcess } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const WORKERS = 4;

/** Sends events to 4 worker processes, and checks that each is handled once. */
async function checkWorkers(layer: ChannelLayer, url: string, count: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const start = () => startWorkerProcess(["a", "--layer", url]);
  const workers = await Promise.all(range(WORKERS).map(start));
  for (const worker of workers) stack.use(worker);
  for (let first = 0; first < count; first += 500) {
    await layer.sendMany("a", withIds(500, { type: "record" }, first));
  }
  await untilEmpty(layer, "a");
  for (const worker of workers) worker.kill("SIGTERM");
  for (const worker of workers) assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const handled = workers.flatMap(({ stdout }) => stdout.all.map(Number));
  // On a busy machine a worker may still hold some when the channel is empty: it requeues them.
  const left = await layer.receiveMany("a", { limit: count, wait: false });
  const all = [...handled, ...left.map((delivery) => Number(delivery.read().id))];
  assertEquals(all.sort((a, b) => a - b), range(count));
}

Deno.test("4 worker processes on one SQLite file handle each of 10,000 events once", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, capacity: 10_000 });
  await checkWorkers(layer, `sqlite:${path}`, 10_000);
});

testWithRedis("4 worker processes", () => {
  Deno.test("4 worker processes on one Redis channel handle each of 100,000 events once", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 100_000 });
    await checkWorkers(layer, redis.url, 100_000);
  });
});
