import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { ChannelFullError, RedisChannelLayer } from "@asgi/channels";
import type { RedisServer } from "../helpers/redis.ts";
import { testWithPeer } from "./python.ts";
import { remaining } from "../helpers/events.ts";

const EVENT = { type: "test.event", n: 1 };

/** Ages the messages of a channel by some seconds. */
async function age(redis: RedisServer, key: string, seconds: number): Promise<void> {
  const script = "for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do " +
    "redis.call('ZINCRBY', KEYS[1], -ARGV[1], member) end";
  await redis.cli("EVAL", script, "1", key, `${seconds}`);
}

testWithPeer("Limits hold for Deno and Python together", async (t, redis, peer) => {
  const url = redis.url;

  await t.step("a channel that one side has filled is full for the other", async () => {
    const [prefix, capacity] = ["filled", 3];
    await using layer = new RedisChannelLayer({ url, prefix, capacity });
    const pythonSends = (channel: string) =>
      peer.call({ prefix, capacity }, "send", channel, EVENT);
    for (let n = 0; n < capacity; n++) await pythonSends("by-python");
    await layer.sendMany("by-deno", Array(capacity).fill(EVENT));
    for (const channel of ["by-python", "by-deno"]) {
      await assertRejects(() => layer.send(channel, EVENT), ChannelFullError);
      await assertRejects(() => pythonSends(channel), Error, "ChannelFull");
      assertEquals(await remaining(layer, channel), Array(capacity).fill(EVENT));
      await pythonSends(channel);
    }
  });

  await t.step("process-local channels of one process share their capacity", async () => {
    const [prefix, capacity] = ["local", 2];
    const channelCapacity = { "specific.*": capacity };
    await using layer = new RedisChannelLayer({ url, prefix, channelCapacity });
    const own = [layer.newChannel(), layer.newChannel()] as const;
    await layer.send(own[0], EVENT);
    await peer.call({ prefix, capacity }, "send", own[1], EVENT);
    await assertRejects(() => layer.send(own[0], EVENT), ChannelFullError);
    const refused = () => peer.call({ prefix, capacity }, "send", own[0], EVENT);
    await assertRejects(refused, Error, "ChannelFull");
  });

  await t.step("both sides see only keys with their prefix", async () => {
    await using one = new RedisChannelLayer({ url, prefix: "one" });
    await using other = new RedisChannelLayer({ url, prefix: "other" });
    await peer.call({ prefix: "one" }, "send", "letters", EVENT);
    await peer.call({ prefix: "one" }, "group_add", "readers", "letters");
    await other.groupSend("readers", EVENT);
    assertEquals(await remaining(other, "letters"), []);
    await one.groupSend("readers", EVENT);
    assertEquals(await remaining(one, "letters"), [EVENT, EVENT]);
    await other.send("letters", { ...EVENT, n: 2 });
    assertEquals(await peer.call({ prefix: "other" }, "receive", "letters"), { ...EVENT, n: 2 });
  });

  await t.step("flush on one side deletes what the other wrote, and no more", async () => {
    const prefix = "flush";
    await using layer = new RedisChannelLayer({ url, prefix });
    await redis.cli("SET", "keep", "1");
    const write = async () => {
      await layer.send("letters", EVENT);
      await layer.send(layer.newChannel(), EVENT);
      await layer.groupAdd("readers", "letters");
      await peer.call({ prefix }, "send", "numbers", EVENT);
      await peer.call({ prefix }, "group_add", "writers", "numbers");
    };
    for (const flush of [() => layer.flush(), () => peer.call({ prefix }, "flush")]) {
      await write();
      await flush();
      assertEquals(await redis.cli("KEYS", `${prefix}*`), "");
      assertEquals(await redis.cli("EXISTS", "keep"), "1");
    }
  });

  await t.step("Deno never receives what Python sent and has expired", async () => {
    const prefix = "expired";
    await using layer = new RedisChannelLayer({ url, prefix });
    const own = layer.newChannel();
    for (const channel of ["letters", own]) {
      await peer.call({ prefix }, "send", channel, { ...EVENT, n: 0 });
      await age(redis, prefix + channel.replace(/!.*/, "!"), 61);
      await layer.send(channel, EVENT);
      assertEquals(await layer.receive(channel), EVENT);
    }
    assertEquals(await remaining(layer, "letters"), []);
  });

  await t.step("Python drops what Deno sent and has expired when it sends", async () => {
    const prefix = "dropped";
    await using layer = new RedisChannelLayer({ url, prefix });
    await layer.send("letters", { ...EVENT, n: 0 });
    await age(redis, `${prefix}letters`, 61);
    await peer.call({ prefix }, "send", "letters", EVENT);
    assertEquals(await peer.call({ prefix }, "receive", "letters"), EVENT);
    assertEquals(await redis.cli("EXISTS", `${prefix}letters`), "0");
  });

  await t.step("expired messages free capacity for both", async () => {
    const [prefix, capacity] = ["room", 2];
    await using layer = new RedisChannelLayer({ url, prefix, capacity });
    const pythonSends = () => peer.call({ prefix, capacity }, "send", "letters", EVENT);
    await layer.sendMany("letters", [EVENT, EVENT]);
    await age(redis, `${prefix}letters`, 61);
    await pythonSends();
    await pythonSends();
    await age(redis, `${prefix}letters`, 61);
    await layer.sendMany("letters", [EVENT, EVENT]);
    assertEquals(await remaining(layer, "letters"), [EVENT, EVENT]);
  });

  await t.step(
    "a channel without a reader is deleted after the expiry of its last sender",
    async () => {
      const prefix = "gone";
      await using layer = new RedisChannelLayer({ url, prefix, expiry: 40_000 });
      const timeLeft = async () => Number(await redis.cli("PTTL", `${prefix}letters`));
      await peer.call({ prefix, expiry: 50 }, "send", "letters", EVENT);
      assert(await timeLeft() > 40_000);
      await layer.send("letters", EVENT);
      assertLessOrEqual(await timeLeft(), 40_000);
    },
  );
});
