import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { type Proxy, startProxy } from "../helpers/proxy.ts";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { upTo } from "../worker/tally.ts";
import { outagesOf, sendAtLast, startRecording } from "./recording.ts";

/** A Redis, a bad network before it, a layer on either side of it, and a worker behind it. */
async function start() {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const redis: RedisServer = stack.use(await startRedis());
  const socket = redis.url.slice("unix://".length);
  const proxy: Proxy = stack.use(startProxy(`${folder.path}/proxy.sock`, socket));
  const near = stack.use(new RedisChannelLayer({ url: redis.url }));
  const far = stack.use(new RedisChannelLayer({ url: proxy.url }));
  const running = stack.use(await startRecording(far));
  await untilItWaits(redis);
  return { proxy, near, far, running, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Waits until the worker has asked for what may come. */
async function untilItWaits(redis: RedisServer): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await redis.cli("CLIENT", "LIST")).includes("cmd=bzmpop")) {
    assertLess(Date.now(), deadline, "Nobody waits");
  }
}

const event = (number: number) => ({ type: "work", number });

testWithRedis("Redis behind a bad network", () => {
  Deno.test("a slow network: all comes, in its order, and nothing is said", async () => {
    await using scene = await start();
    scene.proxy.delay = 30;
    for (let number = 0; number < 10; number++) await scene.far.send("letters", event(number));
    await scene.running.seen.reach(10);
    assertEquals(scene.running.seen.items, upTo(10));
    assertEquals(outagesOf(scene.running), [[], []]);
  });

  Deno.test("an answer cut in its middle: what was in it is lost, and no more", async () => {
    await using scene = await start();
    scene.proxy.cut();
    await scene.near.send("letters", event(0));
    await scene.running.said("The layer is back");
    for (let number = 1; number < 5; number++) await scene.near.send("letters", event(number));
    await scene.running.seen.reach(4);
    assertEquals(scene.running.seen.items, [1, 2, 3, 4]);
    assertEquals(outagesOf(scene.running).map(({ length }) => length), [1, 1]);
    assertEquals(scene.proxy.spoilt, 1);
  });

  Deno.test("a cut answer to a send(): the sender is told, and it may have been sent", async () => {
    await using scene = await start();
    await sendAtLast(scene.far, 0);
    await scene.running.seen.reach(1);
    scene.proxy.cut();
    await assertRejects(() => scene.far.send("letters", event(1)), LayerUnavailableError);
    await sendAtLast(scene.far, 2);
    const handled = () => scene.running.seen.items;
    while (!handled().includes(2)) await scene.running.seen.reach(handled().length + 1);
    assertEquals(handled().filter((number) => number !== 1), [0, 2]);
  });

  for (
    const garbage of ["\u0000\u0001 this is no Redis\r\n", ":12a\r\n", "!\r\n\r\n", "+OK\r\n:5\r\n"]
  ) {
    Deno.test(`${JSON.stringify(garbage)} instead of an answer: the worker is back at once`, async () => {
      await using scene = await start();
      scene.proxy.garble(new TextEncoder().encode(garbage));
      await scene.near.send("letters", event(0));
      await scene.running.said("The layer is back");
      await scene.near.send("letters", event(1));
      await scene.running.seen.reach(1);
      assertEquals(scene.running.seen.items, [1]);
    });
  }
});
