import { assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { startWorkerProcess } from "../helpers/program.ts";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";

/** How many connections a server has, without the one that asks. */
async function connections(server: RedisServer): Promise<number> {
  const clients = (await server.cli("CLIENT", "LIST")).split("\n");
  return clients.filter((line) => line !== "" && !line.includes("cmd=client")).length;
}

/** The server notices a moment later that a program has ended. */
async function assertLeft(server: RedisServer, count: number): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (let left; (left = await connections(server)) !== count;) {
    assertLess(performance.now(), deadline, `${left} connections are left`);
  }
}

testWithRedis("Connections of programs", () => {
  Deno.test("a worker of 100 channels holds 3 connections at most, its sender 1", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const channels = Array.from({ length: 100 }, (_, index) => `channel-${index}`);
    await using worker = await startWorkerProcess([...channels, "--layer", redis.url]);
    await Promise.all(channels.map((channel, id) => layer.send(channel, { type: "record", id })));
    await worker.stdout.count(channels.length);
    const [sender, most] = [1, 3];
    assertLessOrEqual(await connections(redis), sender + most);
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    await assertLeft(redis, sender);
  });
});
