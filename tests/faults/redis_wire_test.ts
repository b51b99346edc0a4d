import { assertEquals, assertRejects } from "@std/assert";
import { type Drop, RedisChannelLayer, UndecodableMessageError } from "@asgi/channels";
import { msgpackCodec } from "@asgi/channels/layers";
import { startRecording } from "./recording_worker.ts";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";
import { linesOf, outcome } from "../helpers/worker.ts";

/** Adds what a peer might, after the twelve random bytes of each member. */
async function addRaw(redis: RedisServer, key: string, bytes: Uint8Array): Promise<void> {
  const script =
    "local bytes = ARGV[2]:gsub('..', function(h) return string.char(tonumber(h, 16)) end) " +
    "return redis.call('ZADD', KEYS[1], ARGV[1], bytes)";
  const member = new Uint8Array([...crypto.getRandomValues(new Uint8Array(12)), ...bytes]);
  await redis.cli("EVAL", script, "1", key, `${Date.now() / 1000}`, member.toHex());
}

const encode = (value: object) => msgpackCodec.encode(value as { readonly type: string }, false);

testWithRedis("Redis with invalid messages", () => {
  Deno.test("bytes that are no message are dropped and counted, and the worker keeps running", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await using running = await startRecording(layer);
    const bad = [[], [0xc1], [0xdd, 255, 255, 255, 255], [0x93, 1, 2, 3], [0x05], [0xc0], [
      0x82,
      0xa1,
    ]];
    for (const bytes of bad) await addRaw(redis, "asgiletters", Uint8Array.from(bytes));
    await redis.cli("ZADD", "asgiletters", `${Date.now() / 1000}`, "short");
    await addRaw(redis, "asgiletters", encode({ text: "without a type" }));
    await addRaw(redis, "asgiletters", encode({ type: ["a", "list"] }));
    await layer.send("letters", { type: "work", number: 1 });
    await running.seen.reach(1);
    await running.stop();
    assertEquals(outcome(running.worker), { received: 11, handled: 1, failed: 0, dropped: 10 });
    const { undecodable, untyped } = running.worker.counts.droppedBy;
    assertEquals([undecodable, untyped], [8, 2]);
    assertEquals(linesOf(running, "warn").length, 10);
  });

  Deno.test("a message for a process-local channel with a wrong address is dropped", async () => {
    await using redis = await startRedis();
    const drops: Drop[] = [];
    await using layer = new RedisChannelLayer({
      url: redis.url,
      onDrop: (drop) => drops.push(drop),
    });
    const channel = layer.newChannel();
    const key = channel.slice(0, channel.indexOf("!") + 1);
    const wrong = [
      undefined,
      7,
      [1, 2],
      {},
      null,
      [channel, 5],
      `letters`,
      "specific.0!0",
      [channel, "specific.0!0"],
      `${channel}\n`,
      `${channel}!more`,
      key,
    ];
    for (const address of wrong) {
      const rest = address === undefined ? {} : { __asgi_channel__: address };
      await addRaw(redis, `asgi${key}`, encode({ type: "work", ...rest }));
    }
    await layer.send(channel, { type: "work", number: 1 });
    assertEquals(await layer.receive(channel), { type: "work", number: 1 });
    assertEquals(drops.length, wrong.length);
  });

  Deno.test("a message of 100 MB is dropped, and the next is handled", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    const fill = "redis.call('ZADD', KEYS[1], ARGV[1], string.rep('x', 100000000))";
    await redis.cli("EVAL", fill, "1", "asgiletters", `${Date.now() / 1000}`);
    await assertRejects(
      () => layer.receive("letters"),
      UndecodableMessageError,
      "it has 99999988 bytes, and at most 4194304 are decoded",
    );
    await layer.send("letters", { type: "work", number: 1 });
    assertEquals(await layer.receive("letters"), { type: "work", number: 1 });
  });
});
