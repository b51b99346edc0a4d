import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ChannelLayer, RedisChannelLayer } from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";
import { range } from "../helpers/events.ts";

const EVENT = { type: "test.event", n: 1 };

async function keysOf(server: RedisServer): Promise<string[]> {
  return (await server.cli("KEYS", "*")).split("\n").filter((key) => key !== "").sort();
}

/** Fills a channel, a process-local channel and a group. */
async function fill(layer: ChannelLayer): Promise<void> {
  await layer.send("letters", EVENT);
  await layer.send(layer.newChannel(), EVENT);
  await layer.groupAdd("readers", "letters");
  await layer.groupAdd("locals", layer.newChannel());
}

const ENCODINGS = {
  "MessagePack": {},
  "JSON": { serializer: "json" },
  "encrypted messages": { symmetricEncryptionKeys: ["secret"] },
} as const;

testWithRedis("RedisChannelLayer: prefixes", () => {
  for (const [encoding, options] of Object.entries(ENCODINGS)) {
    Deno.test(`RedisChannelLayer: flush() deletes all of its own ${encoding}`, async () => {
      await using server = await startRedis();
      await using layer = new RedisChannelLayer({ url: server.url, prefix: "app:", ...options });
      await fill(layer);
      await layer.groupSend("readers", EVENT);
      await layer.send("large", { type: "large", items: Array(70_000).fill(1) });
      await layer.sendMany("letters", Array(20).fill({ ...EVENT, text: "x".repeat(1_000) }));
      assert((await keysOf(server)).length >= 5);
      await layer.flush();
      assertEquals(await keysOf(server), []);
    });
  }

  Deno.test("RedisChannelLayer: flush() leaves keys of other prefixes with a delimiter", async () => {
    await using server = await startRedis();
    for (const [own, other] of [["app", "app:"], ["app:", "app:long:"], ["app:", "app"]]) {
      await using layer = new RedisChannelLayer({ url: server.url, prefix: own! });
      await using another = new RedisChannelLayer({ url: server.url, prefix: other! });
      await fill(another);
      const kept = await keysOf(server);
      assertEquals(kept.length, 4);
      await fill(layer);
      await layer.flush();
      assertEquals(await keysOf(server), kept);
      await server.cli("FLUSHALL");
    }
  });

  Deno.test("RedisChannelLayer: flush() leaves groups and process-local channels of a longer prefix", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, prefix: "app" });
    await using longer = new RedisChannelLayer({ url: server.url, prefix: "app-long" });
    await longer.send(longer.newChannel(), EVENT);
    await longer.groupAdd("readers", "letters");
    const kept = await keysOf(server);
    assertEquals(kept.length, 2);
    await layer.flush();
    assertEquals(await keysOf(server), kept);
  });

  Deno.test("RedisChannelLayer: flush() leaves keys of another program under the prefix", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url, prefix: "app" });
    await server.cli("SET", "app-version", "1");
    await server.cli("LPUSH", "app-list", "1");
    await server.cli("HSET", "app:group:hash", "1", "2");
    await server.cli("ZADD", "app-scores", "1", "ann", "2", "a-user-with-a-longer-name");
    await server.cli("ZADD", "app:group:members", "1", "not a channel");
    await server.cli("ZADD", "app:group:two words", "1", "letters");
    await server.cli("ZADD", "app cache", "1", "0123456789ab{}");
    await server.cli("ZADD", `app${"x".repeat(100)}`, "1", "0123456789ab{}");
    const kept = await keysOf(server);
    assertEquals(kept.length, 8);
    await fill(layer);
    await layer.flush();
    assertEquals(await keysOf(server), kept);
  });

  Deno.test("RedisChannelLayer: flush() deletes the in-flight keys of Python's receivers", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    await server.cli("RENAME", "asgiletters", "asgiletters$inflight");
    await layer.flush();
    assertEquals(await keysOf(server), []);
  });

  Deno.test("RedisChannelLayer: flush() deletes a channel whose oldest member is not a message", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    await server.cli("ZADD", "asgiletters", "1", "short");
    await layer.flush();
    assertEquals(await keysOf(server), []);
  });

  Deno.test("RedisChannelLayer: flush() deletes thousands of channels", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await Promise.all(range(3_000).map((n) => layer.send(`letters-${n}`, EVENT)));
    await layer.flush();
    assertEquals(await keysOf(server), []);
  });
});

Deno.test("RedisChannelLayer: a cluster's prefix may have one hash tag, and no other braces", () => {
  const url = "redis+cluster://127.0.0.1:1";
  for (const prefix of ["a}b", "a{b", "{}", "a{}b", "{a}{b}", "{a}b}", "a{}b{c}d"]) {
    assertThrows(() => new RedisChannelLayer({ url, prefix }), TypeError, JSON.stringify(prefix));
    new RedisChannelLayer({ prefix });
  }
  for (const prefix of ["", "asgi", "{events}.", "app:{events}:x"]) {
    new RedisChannelLayer({ url, prefix });
  }
});
