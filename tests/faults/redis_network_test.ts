import { assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError } from "@asgi/channels";
import { testWithRedis } from "../helpers/redis_server.ts";
import { upTo } from "../worker/tally.ts";
import { openScene } from "./network.ts";
import { outagesOf, sendAtLast } from "./recording.ts";

const event = (number: number) => ({ type: "work", number });

testWithRedis("Redis behind a bad network", () => {
  Deno.test("a slow network: all comes, in its order, and nothing is said", async () => {
    await using scene = await openScene();
    scene.proxy.delay = 30;
    for (let number = 0; number < 10; number++) await scene.far.send("letters", event(number));
    await scene.running.seen.reach(10);
    assertEquals(scene.running.seen.items, upTo(10));
    assertEquals(outagesOf(scene.running), [[], []]);
  });

  Deno.test("an answer cut in its middle: what was in it is lost, and no more", async () => {
    await using scene = await openScene();
    scene.proxy.cut();
    await scene.near.send("letters", event(0));
    await scene.running.said("Reconnected to");
    for (let number = 1; number < 5; number++) await scene.near.send("letters", event(number));
    await scene.running.seen.reach(4);
    assertEquals(scene.running.seen.items, [1, 2, 3, 4]);
    assertEquals(outagesOf(scene.running).map(({ length }) => length), [1, 1]);
  });

  Deno.test("a cut answer to a send(): the sender is told, and it may have been sent", async () => {
    await using scene = await openScene();
    await sendAtLast(scene.far, 0);
    await scene.running.seen.reach(1);
    scene.proxy.cut();
    await assertRejects(() => scene.far.send("letters", event(1)), LayerUnavailableError);
    await sendAtLast(scene.far, 2);
    const handled = () => scene.running.seen.items;
    while (!handled().includes(2)) await scene.running.seen.reach(handled().length + 1);
    assertEquals(handled().filter((number) => number !== 1), [0, 2]);
  });
});
