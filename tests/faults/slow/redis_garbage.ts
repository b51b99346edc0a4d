import { assertEquals } from "@std/assert";
import { openScenario } from "../bad_network.ts";
import { GARBAGE, LIES } from "../../helpers/proxy.ts";
import { testWithRedis } from "../../helpers/redis.ts";
import { pause } from "../../helpers/waiting.ts";

/** How long a worker may take to reconnect: it waits 10 s for the end of an answer. */
const PATIENCE = 15_000;

testWithRedis("Redis behind a network that sends garbage", () => {
  for (const garbage of [...GARBAGE, ...LIES]) {
    const name = JSON.stringify(new TextDecoder().decode(garbage));
    Deno.test(`${name} instead of an answer: the worker keeps running`, async () => {
      await using scene = await openScenario();
      const { near, running, proxy } = scene;
      proxy.garble(garbage);
      const deadline = performance.now() + PATIENCE;
      for (let number = 0; running.seen.items.length === 0; number++) {
        assertEquals(performance.now() < deadline, true, "The worker isn't back");
        await near.send("letters", { type: "work", number });
        await pause(200);
      }
      await running.stop();
    });
  }
});
