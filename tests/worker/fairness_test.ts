import { assertLess } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer, SqliteChannelLayer } from "@asgi/channels";
import { numbered, Tally } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { startWorker } from "../helpers/worker.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** Enough for about a second, at 50 µs for each. */
const FLOOD = 20_000;
const SPIN = 0.05;

/** How long an event of the other channel may wait as a rule, in milliseconds. */
const LONG_WAIT = 50;

function spin(milliseconds: number): void {
  for (const start = performance.now(); performance.now() - start < milliseconds;);
}

/** Checks that events of a channel are handled while another one is flooded. */
async function checkFairness(layer: ChannelLayer, sender: ChannelLayer): Promise<void> {
  await sender.sendMany("flood", numbered(FLOOD));
  const flooded = new Tally();
  const waits = new Tally<number>();
  await using worker = await startWorker({
    layer,
    channels: ["flood", "quiet"],
    application: async ({ channel }, receive) => {
      for (;;) {
        const { sentAt } = await receive();
        if (channel === "quiet") waits.add(performance.now() - Number(sentAt));
        else {
          spin(SPIN);
          flooded.add(1);
        }
      }
    },
  });
  for (let count = 1; count <= 10; count++) {
    await sender.send("quiet", { type: "work", sentAt: performance.now() });
    await waits.reach(count);
  }
  assertLess(flooded.items.length, FLOOD, "The flood was over too soon to tell");
  // A machine that does something else for a moment may delay a few.
  const median = waits.items.toSorted((one, other) => one - other)[5] ?? Infinity;
  assertLess(median, LONG_WAIT, waits.items.map(Math.round).join(" "));
  await worker.stop();
}

Deno.test("a flooded channel doesn't starve another one, on SQLite", async () => {
  await using folder = await temporaryFolder();
  const options = { path: `${folder.path}/layer.sqlite3`, capacity: FLOOD };
  await using layer = new SqliteChannelLayer(options);
  await using sender = new SqliteChannelLayer(options);
  await checkFairness(layer, sender);
});

testWithRedis("Fairness among channels", () => {
  Deno.test("a flooded channel doesn't starve another one, on Redis", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, capacity: FLOOD });
    await using sender = new RedisChannelLayer({ url: server.url, capacity: FLOOD });
    await checkFairness(layer, sender);
  });
});
