import { assertEquals } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer, SqliteChannelLayer } from "@asgi/channels";
import { untilEmpty } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { startWorkerProcess } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const WORKERS = 4;

/** Sends events to 4 worker processes, and checks that each is handled once. */
async function checkFleet(layer: ChannelLayer, url: string, count: number): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const start = () => startWorkerProcess(["a", "--layer", url]);
  const workers = await Promise.all(Array.from({ length: WORKERS }, start));
  for (const worker of workers) stack.use(worker);
  for (let first = 0; first < count; first += 500) {
    const events = Array.from({ length: 500 }, (_, at) => ({ type: "record", id: first + at }));
    await layer.sendMany("a", events);
  }
  await untilEmpty(layer, "a");
  for (const worker of workers) worker.kill("SIGTERM");
  for (const worker of workers) assertEquals(await worker.end, 0, worker.stderr.all.join("\n"));
  const handled = workers.flatMap(({ stdout }) => stdout.all.map(Number));
  // On a busy machine a worker may still hold some when the channel is empty: it hands them back.
  const left = await layer.receiveMany("a", { limit: count, wait: false });
  const all = [...handled, ...left.map((delivery) => Number(delivery.read().id))];
  assertEquals(all.sort((a, b) => a - b), Array.from({ length: count }, (_, id) => id));
}

Deno.test("4 worker processes on one SQLite file handle 10,000 events once each", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, capacity: 10_000 });
  await checkFleet(layer, `sqlite:${path}`, 10_000);
});

testWithRedis("A fleet of workers", () => {
  Deno.test("4 worker processes on one Redis channel handle 100,000 events once each", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 100_000 });
    await checkFleet(layer, redis.url, 100_000);
  });
});
