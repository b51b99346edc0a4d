import { assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError } from "@asgi/channels";
import { openScenario } from "./bad_network.ts";
import { outagesOf, sendAtLast } from "./recording_worker.ts";
import { event, range } from "../helpers/events.ts";
import { testWithRedis } from "../helpers/redis.ts";

testWithRedis("Redis behind a bad network", () => {
  Deno.test("a slow network: all events arrive, in order, and nothing is logged", async () => {
    await using scene = await openScenario();
    scene.proxy.delay = 30;
    for (let number = 0; number < 10; number++) await scene.far.send("letters", event(number));
    await scene.running.seen.reach(10);
    assertEquals(scene.running.seen.items, range(10));
    assertEquals(outagesOf(scene.running), [[], []]);
  });

  Deno.test("an answer cut in its middle: only its events are lost", async () => {
    await using scene = await openScenario();
    scene.proxy.cut();
    await scene.near.send("letters", event(0));
    await scene.running.said("Reconnected to");
    for (let number = 1; number < 5; number++) await scene.near.send("letters", event(number));
    await scene.running.seen.reach(4);
    assertEquals(scene.running.seen.items, [1, 2, 3, 4]);
    assertEquals(outagesOf(scene.running).map(({ length }) => length), [1, 1]);
  });

  Deno.test("a cut answer to a send(): it rejects, and the event may have been sent", async () => {
    await using scene = await openScenario();
    await sendAtLast(scene.far, 0);
    await scene.running.seen.reach(1);
    scene.proxy.cut();
    await assertRejects(() => scene.far.send("letters", event(1)), LayerUnavailableError);
    await sendAtLast(scene.far, 2);
    const handled = () => scene.running.seen.items;
    await scene.running.seen.find((number) => number === 2, "event 2");
    assertEquals(handled().filter((number) => number !== 1), [0, 2]);
  });
});
