import { assert, assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";
import { numbered, remaining } from "../helpers/events.ts";

const events = numbered(1_000).map((event) => ({ ...event, body: "x".repeat(2_000) }));

/** Limits the memory of a server to at least 500 of these events, but less than 1,000. */
async function fill(redis: RedisServer): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await redis.cli("INFO", "memory"))?.[1]);
  await redis.cli("CONFIG", "SET", "maxmemory", `${used + 2_200_000}`);
}

async function numbersIn(layer: RedisChannelLayer): Promise<unknown[]> {
  return (await remaining(layer, "letters")).map(({ number }) => number);
}

testWithRedis("sendMany() that fails in its middle", () => {
  Deno.test(
    "sendMany() that fails in its middle says that its outcome is unknown",
    async () => {
      await using redis = await startRedis();
      await using layer = new RedisChannelLayer({ url: redis.url, capacity: 10_000 });
      await layer.send("letters", { type: "warm.up" });
      await fill(redis);
      const error = await assertRejects(
        () => layer.sendMany("letters", events),
        LayerUnavailableError,
      );
      await redis.cli("CONFIG", "SET", "maxmemory", "0");
      const sent = await numbersIn(layer);
      assert(sent.length > 1, "Some were sent");
      assert(error.outcomeUnknown);
    },
  );

  Deno.test("sendMany() over two hosts, one of which is full, sends each event once", async () => {
    await using one = await startRedis();
    await using other = await startRedis();
    await using layer = new RedisChannelLayer({ hosts: [one.url, other.url], capacity: 10_000 });
    await layer.send("letters", { type: "warm.up" });
    await layer.send("letters", { type: "warm.up" });
    await numbersIn(layer);
    await fill(one);
    await layer.sendMany("letters", events);
    const sent = await numbersIn(layer);
    assertEquals(new Set(sent).size, sent.length, "each is there once");
  });
});
