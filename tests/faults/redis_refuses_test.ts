import { assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { outagesOf, send, sendAtLast, startRecording } from "./recording_worker.ts";
import { range, remaining } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { outcome } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";

testWithRedis("Redis rejects commands for a while", () => {
  Deno.test("CLIENT KILL: the worker reconnects immediately, and no waiting event is lost", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    for (let round = 0; round < 3; round++) {
      await sendAtLast(layer, round);
      await running.seen.reach(round + 1);
      await redis.cli("CLIENT", "KILL", "TYPE", "normal");
    }
    await sendAtLast(layer, 3);
    await running.seen.reach(4);
    await running.stop();
    assertEquals(running.seen.items, range(4));
    assertEquals(outcome(running.worker), { received: 4, handled: 4, failed: 0, dropped: 0 });
  });

  Deno.test("CLIENT PAUSE: all calls wait, nothing is lost and nothing is logged", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    await redis.cli("CLIENT", "PAUSE", "400", "ALL");
    await Promise.all([0, 1, 2].map((number) => send(layer, number)));
    await running.seen.reach(3);
    await running.stop();
    assertEquals(running.seen.items, [0, 1, 2]);
    assertEquals(outagesOf(running), [[], []]);
  });

  Deno.test("Redis frozen for a moment: all calls wait, nothing is lost and nothing is logged", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    redis.kill("SIGSTOP");
    const sending = [0, 1, 2].map((number) => send(layer, number));
    await pause(400);
    redis.kill("SIGCONT");
    await Promise.all(sending);
    await running.seen.reach(3);
    await running.stop();
    assertEquals(running.seen.items, [0, 1, 2]);
    assertEquals(outagesOf(running), [[], []]);
  });

  Deno.test("Redis out of memory: sends are rejected, and the worker empties the channel", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    for (let number = 0; number < 50; number++) await send(layer, number);
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    await assertRejects(() => send(layer, 50), LayerUnavailableError, "out of memory");
    await using running = await startRecording(layer);
    await running.seen.reach(50);
    await assertRejects(() => send(layer, 50), LayerUnavailableError, "out of memory");
    await redis.cli("CONFIG", "SET", "maxmemory", "0");
    await send(layer, 51);
    await running.seen.reach(51);
    await running.stop();
    assertEquals(running.seen.items, [...range(50), 51]);
  });

  Deno.test("Redis out of memory: requeue() rejects and changes nothing, and works when there is memory", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    for (let number = 0; number < 3; number++) await send(layer, number);
    const taken = await layer.receiveMany("letters", { limit: 2 });
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    const error = await assertRejects(() => layer.requeue(taken), LayerUnavailableError);
    assertEquals(error.outcomeUnknown, false);
    assertEquals(await redis.cli("ZCARD", "asgiletters"), "1");
    await redis.cli("CONFIG", "SET", "maxmemory", "0");
    await layer.requeue(taken);
    const left = await remaining(layer, "letters");
    assertEquals(left.map(({ number }) => number), [0, 1, 2]);
  });

  Deno.test("Redis out of memory: requeue() to two channels says that its outcome is unknown", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const own = layer.newChannel(); // Its messages are never requeued in Redis.
    for (const channel of [own, "letters"]) await layer.send(channel, { type: "work" });
    const taken = [
      ...await layer.receiveMany(own, { limit: 1 }),
      ...await layer.receiveMany("letters", { limit: 1 }),
    ];
    await redis.cli("CONFIG", "SET", "maxmemory", "1");
    const error = await assertRejects(() => layer.requeue(taken), LayerUnavailableError);
    assertEquals(error.outcomeUnknown, true);
    assertEquals((await layer.receive(own)).type, "work");
  });

  Deno.test("a Redis that becomes a read-only replica: sender and worker report it, and nothing is lost", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    await redis.cli("REPLICAOF", "127.0.0.1", "1");
    await running.said("retrying");
    await assertRejects(() => send(layer, 0), LayerUnavailableError, "READONLY");
    await redis.cli("REPLICAOF", "NO", "ONE");
    await sendAtLast(layer, 1);
    await running.seen.reach(1);
    await running.stop();
    assertEquals(running.seen.items, [1]);
    assertEquals(outagesOf(running).map(({ length }) => length), [1, 1]);
  });

  Deno.test("a Redis that becomes a read-only replica: calls in flight are answered", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await layer.send("letters", { type: "work", data: new Uint8Array(1_000_000) });
    await redis.cli("REPLICAOF", "127.0.0.1", "1");
    const refused = assertRejects(
      () => layer.groupAdd("g", "c"),
      LayerUnavailableError,
      "READONLY",
    );
    const { channels } = await layer.inspect(["letters"]); // Its answer is long.
    assertEquals(channels[0]?.depth, 1);
    await refused;
  });

  Deno.test("SCRIPT FLUSH: no call fails", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    for (let number = 0; number < 5; number++) {
      await send(layer, number);
      await redis.cli("SCRIPT", "FLUSH");
    }
    await running.seen.reach(5);
    await running.stop();
    assertEquals(running.seen.items, range(5));
    assertEquals(outagesOf(running), [[], []]);
  });

  Deno.test("FLUSHALL: waiting events are lost, and the worker keeps running without logging", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await send(layer, 0);
    await redis.cli("FLUSHALL");
    await using running = await startRecording(layer);
    await redis.cli("FLUSHALL");
    await send(layer, 1);
    await running.seen.reach(1);
    await running.stop();
    assertEquals(running.seen.items, [1]);
    assertEquals(outagesOf(running), [[], []]);
  });
});
