import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerConfigurationError, RedisChannelLayer } from "@asgi/channels";
import { redirectWarnings } from "../../src/layers/internal.ts";
import { startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { startWorker } from "../worker/start_worker.ts";
import { Tally } from "../worker/tally.ts";

const event = (number: number) => ({ type: "work", number });

testWithRedis("Redis with something else under a key", () => {
  Deno.test("a key of the wrong type is told of once, and stops no other channel", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const seen = new Tally<unknown>();
    const said = new Tally<string>();
    redirectWarnings((text) => said.add(text));
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
    redirectWarnings(undefined);
    assertEquals(seen.items, [0, 1, 2, 4]);
    assertEquals(said.items.length, 1);
    assertStringIncludes(said.items[0] ?? "", "The key asgiletters in Redis holds something other");
  });
});
