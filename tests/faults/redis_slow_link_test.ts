import { assertEquals, assertLessOrEqual } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer } from "@asgi/channels";
import { startProxy } from "../helpers/proxy.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** A Redis, and a layer on either side of a network before it. */
async function openScene() {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const redis = stack.use(await startRedis());
  const socket = redis.url.slice("unix://".length);
  const proxy = stack.use(startProxy(`${folder.path}/proxy.sock`, socket));
  const near = stack.use(new RedisChannelLayer({ url: redis.url, capacity: 1_000 }));
  const far = stack.use(new RedisChannelLayer({ url: proxy.url, capacity: 1_000 }));
  await far.send("others", { type: "work" }); // It is connected, and Redis knows the script.
  return { redis, proxy, near, far, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** An event of so many bytes. */
function large(bytes: number) {
  return { type: "work", data: new Uint8Array(bytes) };
}

testWithRedis("Redis behind a slow link", () => {
  Deno.test("a message in transit for 7 s is received", async () => {
    await using scene = await openScene();
    scene.proxy.rate = 140_000;
    await scene.near.send("letters", large(1_000_000));
    assertEquals(await scene.far.receive("letters"), large(1_000_000));
  });

  Deno.test("a message in transit to Redis for 7 s is sent once", async () => {
    await using scene = await openScene();
    scene.proxy.rate = 140_000;
    await scene.far.send("letters", large(1_000_000));
    assertEquals(await scene.redis.cli("ZCARD", "asgiletters"), "1");
  });

  Deno.test("receiveMany() fetches no larger batch than the link can carry in time", async () => {
    await using scene = await openScene();
    await fill(scene.near, "letters");
    scene.proxy.rate = 5_000_000;
    assertLessOrEqual(await mostAtOnce(scene.far, "letters"), 26);
  });

  Deno.test("receiveMany() on several channels fetches no larger batch than the link can carry in time", async () => {
    await using scene = await openScene();
    const channels = ["letters", "parcels"];
    for (const channel of channels) await fill(scene.near, channel);
    scene.proxy.rate = 5_000_000;
    const most = await Promise.all(channels.map((channel) => mostAtOnce(scene.far, channel)));
    for (const count of most) assertLessOrEqual(count, 26);
  });
});

/** Sends small messages first, so that the size of the large ones is unknown. */
async function fill(layer: ChannelLayer, channel: string): Promise<void> {
  await layer.sendMany(channel, Array(40).fill({ type: "small" }));
  await layer.sendMany(channel, Array(40).fill(large(500_000)));
}

/** Receives all messages, and returns the most large ones that arrived in one batch. */
async function mostAtOnce(layer: ChannelLayer, channel: string): Promise<number> {
  let most = 0;
  for (let received = 0; received < 80;) {
    const deliveries = await layer.receiveMany(channel, { limit: 80 });
    received += deliveries.length;
    most = Math.max(most, deliveries.filter((delivery) => delivery.read().type === "work").length);
  }
  return most;
}
