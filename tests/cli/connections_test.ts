import { assertEquals, assertLessOrEqual } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startWorkerProcess } from "../helpers/program.ts";
import { connectionsOf, startRedis, testWithRedis, untilConnections } from "../helpers/redis.ts";
import { range } from "../helpers/events.ts";

testWithRedis("Connections of processes", () => {
  Deno.test("a worker of 100 channels holds at most 3 connections, and a sender 1", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const channels = range(100).map((index) => `channel-${index}`);
    await using worker = await startWorkerProcess([...channels, "--layer", redis.url]);
    await Promise.all(channels.map((channel, id) => layer.send(channel, { type: "record", id })));
    await worker.stdout.count(channels.length);
    const [sender, most] = [1, 3];
    assertLessOrEqual(await connectionsOf(redis), sender + most);
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    await untilConnections(redis, sender);
  });
});
