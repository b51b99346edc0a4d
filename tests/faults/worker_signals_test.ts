import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer, SqliteChannelLayer } from "@asgi/channels";
import { startWorkerProcess } from "../helpers/program.ts";
import { remaining, withIds } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** The prefetch of a handler of 5 ms: 10 ms of work, and half of that in transit. */
const PREFETCH = 3;

/** Kills a worker while it handles events, and checks that few are lost and none is doubled. */
async function checkKill(layer: ChannelLayer, url: string): Promise<void> {
  const concurrency = 4;
  await using worker = await startWorkerProcess(["a", "-c", `${concurrency}`, "--layer", url]);
  const events = withIds(1_000, { type: "record.slowly", duration: 5 });
  await layer.sendMany("a", events);
  await worker.stdout.count(100);
  worker.kill("SIGKILL");
  assertEquals(await worker.end, 137);
  const left = await remaining(layer, "a");
  const all = [...worker.stdout.all.map(Number), ...left.map(({ id }) => Number(id))];
  assertEquals(new Set(all).size, all.length, "An event is there twice");
  assert(left.length > 0, "It was killed too late");
  assertLessOrEqual(1_000 - all.length, concurrency * (1 + PREFETCH));
}

Deno.test("SIGKILL on SQLite loses at most the events in flight and prefetched", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, capacity: 1_000 });
  await checkKill(layer, `sqlite:${path}`);
});

testWithRedis("SIGKILL on Redis", () => {
  Deno.test("SIGKILL on Redis loses at most the events in flight and prefetched", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 1_000 });
    await checkKill(layer, redis.url);
  });
});
