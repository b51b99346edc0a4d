import { assertEquals, assertLess } from "@std/assert";
import {
  ChannelFullError,
  type ChannelLayer,
  RedisChannelLayer,
  SqliteChannelLayer,
} from "@asgi/channels";
import { say, startProgram } from "../../helpers/program.ts";
import { startRedis, testWithRedis } from "../../helpers/redis.ts";
import { temporaryFolder } from "../../helpers/temporary.ts";
import { pause } from "../../helpers/waiting.ts";
import { withIds } from "../../helpers/events.ts";

const APP = new URL("../../fixtures/counting_app.ts", import.meta.url).href;

const EVENTS = 1_000_000;

/** How many events the worker handles before its memory is looked at for the first time. */
const WARM_UP = 100_000;

/** Sends 1,000,000 events to one worker, as fast as it accepts them, and compares its memory. */
async function checkMemory(name: string, layer: ChannelLayer, url: string): Promise<void> {
  await using worker = startProgram(["runworker", "a", "--app", APP, "--layer", url]);
  await worker.stderr.until("Listening on");
  const start = performance.now();
  for (let sent = 0; sent < EVENTS;) {
    sent += await sendSome(layer, sent, Math.min(500, EVENTS - sent));
  }
  await worker.stdout.until(`handled ${EVENTS} `);
  const seconds = (performance.now() - start) / 1_000;
  worker.kill("SIGTERM");
  assertEquals(await worker.end, 0);
  const sizes = worker.stdout.all.map((line) => Number(line.split(" ")[2]));
  const [first = 0, last = 0] = [sizes[WARM_UP / 100_000 - 1], sizes.at(-1)];
  say(`${name}: ${EVENTS} events in ${seconds.toFixed(0)} s, RSS in MB: ${sizes.join(" ")}`);
  assertEquals(sizes.length, EVENTS / 100_000);
  assertLess(last - first, 60, "It grows");
}

/** Sends as many events as the channel accepts, and returns their number. */
async function sendSome(layer: ChannelLayer, first: number, count: number): Promise<number> {
  const events = withIds(count, { type: "count" }, first);
  try {
    await layer.sendMany("a", events);
    return count;
  } catch (error) {
    if (!(error instanceof ChannelFullError)) throw error;
    await pause(2);
    return error.accepted;
  }
}

Deno.test("1,000,000 events through one worker on SQLite leave its memory flat", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/events.sqlite3`;
  await using layer = new SqliteChannelLayer({ path, capacity: 2_000 });
  await checkMemory("SQLite", layer, `sqlite:${path}`);
  const { size } = await Deno.stat(path);
  assertLess(size, 20e6, "The file grows");
});

testWithRedis("1,000,000 events", () => {
  Deno.test("1,000,000 events through one worker on Redis leave its memory flat", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url, capacity: 2_000 });
    await checkMemory("Redis", layer, redis.url);
  });
});
