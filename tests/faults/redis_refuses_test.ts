import { assertEquals, assertRejects } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { startRedis, testWithRedis } from "../helpers/redis_server.ts";
import { outcome } from "../worker/start_worker.ts";
import { remaining, upTo } from "../worker/tally.ts";
import { outagesOf, send, sendAtLast, startRecording } from "./recording.ts";

testWithRedis("Redis refuses for a while", () => {
  Deno.test("CLIENT KILL: the worker is back at once, and loses nothing that waits", async () => {
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
    assertEquals(running.seen.items, upTo(4));
    assertEquals(outcome(running.worker), { received: 4, handled: 4, failed: 0, dropped: 0 });
  });

  Deno.test("CLIENT PAUSE: everybody waits, nothing is lost and nothing said", async () => {
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

  Deno.test("Redis frozen for a moment: everybody waits, nothing is lost and nothing said", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    redis.kill("SIGSTOP");
    const sending = [0, 1, 2].map((number) => send(layer, number));
    await new Promise((resolve) => setTimeout(resolve, 400));
    redis.kill("SIGCONT");
    await Promise.all(sending);
    await running.seen.reach(3);
    await running.stop();
    assertEquals(running.seen.items, [0, 1, 2]);
    assertEquals(outagesOf(running), [[], []]);
  });

  Deno.test("Redis out of memory: senders are refused, the worker empties the channel", async () => {
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
    assertEquals(running.seen.items, [...upTo(50), 51]);
  });

  Deno.test("Redis out of memory: what can't be handed back stays where it is, until there is room", async () => {
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

  Deno.test("Redis out of memory: who hands back to two channels is told that one may have it", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const own = layer.newChannel(); // What came to it never goes back to Redis.
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

  Deno.test("a Redis that becomes a read-only replica: both are told, and nothing is lost", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    await redis.cli("REPLICAOF", "127.0.0.1", "1");
    await running.said("trying again");
    await assertRejects(() => send(layer, 0), LayerUnavailableError, "READONLY");
    await redis.cli("REPLICAOF", "NO", "ONE");
    await sendAtLast(layer, 1);
    await running.seen.reach(1);
    await running.stop();
    assertEquals(running.seen.items, [1]);
    assertEquals(outagesOf(running).map(({ length }) => length), [1, 1]);
  });

  Deno.test("a Redis that becomes a read-only replica: what is under way is answered", async () => {
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

  Deno.test("SCRIPT FLUSH: nobody notices", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    for (let number = 0; number < 5; number++) {
      await send(layer, number);
      await redis.cli("SCRIPT", "FLUSH");
    }
    await running.seen.reach(5);
    await running.stop();
    assertEquals(running.seen.items, upTo(5));
    assertEquals(outagesOf(running), [[], []]);
  });

  Deno.test("FLUSHALL: what waited is lost, and the worker goes on without a word", async () => {
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
