import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, RedisChannelLayer } from "@asgi/channels";
import { event, Tally } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { startWorker } from "../helpers/worker.ts";
import { collectLayerWarnings } from "../helpers/warnings.ts";

testWithRedis("Redis with a key of the wrong type", () => {
  Deno.test("a key of the wrong type is reported once, and stops no other channel", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const seen = new Tally<unknown>();
    using warnings = collectLayerWarnings();
    await redis.cli("SET", "asgiletters", "text");
    await using running = await startWorker({
      layer,
      channels: ["letters", "parcels"],
      application: async (_scope, receive) => {
        for (;;) seen.add((await receive()).number);
      },
    });
    for (let number = 0; number < 3; number++) {
      await layer.send("parcels", event(number));
      await seen.reach(number + 1);
    }
    const send = () => layer.send("letters", event(3));
    await assertRejects(send, LayerConfigurationError, "the key asgiletters holds something other");
    await redis.cli("DEL", "asgiletters");
    await layer.send("letters", event(4));
    await seen.reach(4);
    await running.stop();
    assertEquals(seen.items, [0, 1, 2, 4]);
    assertEquals(warnings.items.length, 1);
    assertStringIncludes(
      warnings.items[0] ?? "",
      "The key asgiletters in Redis holds something other",
    );
  });
});
