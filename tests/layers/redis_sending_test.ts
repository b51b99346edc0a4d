import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ChannelLayer,
  LayerConfigurationError,
  LayerUnavailableError,
  RedisChannelLayer,
  SendTimeoutError,
} from "@asgi/channels";
import { type RedisServer, startRedis, testWithRedis } from "../helpers/redis.ts";
import { range } from "../helpers/events.ts";
import { pause } from "../helpers/waiting.ts";

const EVENT = { type: "test.event", n: 1 };

/** Freezes a server until it is disposed of: connections stay open, and nothing answers. */
function freeze(server: RedisServer): Disposable {
  server.kill("SIGSTOP");
  return { [Symbol.dispose]: () => server.kill("SIGCONT") };
}

testWithRedis("RedisChannelLayer: what a failed send reports", () => {
  Deno.test("RedisChannelLayer: send() says that nothing was sent when no server listens", async () => {
    const server = await startRedis();
    await server[Symbol.asyncDispose]();
    await using layer = new RedisChannelLayer({ url: server.url });
    const error = await assertRejects(
      () => layer.send("letters", EVENT),
      LayerUnavailableError,
      "the message was not sent",
    );
    assert(!error.outcomeUnknown);
  });

  Deno.test("RedisChannelLayer: send() waits for a frozen server until its timeout", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    using _frozen = freeze(server);
    const start = performance.now();
    const sending = layer.send("letters", EVENT, { timeout: 200 });
    const behind = layer.send("letters", EVENT, { timeout: 200 });
    const error = await assertRejects(() => sending, SendTimeoutError, "may have been sent");
    assert(error.outcomeUnknown);
    await assertRejects(() => behind, SendTimeoutError);
    assert(performance.now() - start < 3_000);
  });

  Deno.test("RedisChannelLayer: send() that waits behind a frozen one was not sent", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    using _frozen = freeze(server);
    const sending = assertRejects(() => layer.send("letters", EVENT), LayerUnavailableError);
    await pause(0);
    const error = await assertRejects(
      () => layer.send("letters", EVENT, { timeout: 50 }),
      SendTimeoutError,
      "was not sent",
    );
    assert(!error.outcomeUnknown);
    await layer.close().catch(() => {});
    await sending;
  });

  Deno.test("RedisChannelLayer: send() buffers at most 128 MiB for a frozen server", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    await layer.send("letters", EVENT);
    using _frozen = freeze(server);
    const text = "x".repeat(1_000_000);
    const signal = AbortSignal.timeout(2_000);
    const sending = range(140).map(() => layer.send("letters", { ...EVENT, text }, { signal }));
    const results = await Promise.allSettled(sending);
    const refused = results.filter((result) =>
      result.status === "rejected" && result.reason instanceof LayerUnavailableError
    );
    assertEquals(refused.length, 140 - 135);
  });

  Deno.test("RedisChannelLayer: groupSend() that reaches a part of a group says that the message may have been sent", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const channels = await joinGroup(layer, 40);
    const used = Number(/used_memory:(\d+)/.exec(await server.cli("INFO", "memory"))?.[1]);
    await server.cli("CONFIG", "SET", "maxmemory", `${used + 6_000_000}`);
    const large = { ...EVENT, bytes: new Uint8Array(300_000) };
    const error = await assertRejects(
      () => layer.groupSend("readers", large),
      LayerUnavailableError,
      "the message may have been sent",
    );
    assert(error.outcomeUnknown);
    const reached = await countReached(layer, channels);
    assert(reached > 0 && reached < channels.length, `${reached} of ${channels.length}`);
  });

  Deno.test("RedisChannelLayer: groupSend() that reaches no member says that the message was not sent", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const channels = await joinGroup(layer, 3);
    await server.cli("CONFIG", "SET", "maxmemory", "1");
    const error = await assertRejects(
      () => layer.groupSend("readers", EVENT),
      LayerUnavailableError,
      "the message was not sent",
    );
    assert(!error.outcomeUnknown);
    assertEquals(await countReached(layer, channels), 0);
  });

  Deno.test("RedisChannelLayer: groupSend() to a key of the wrong type reaches the other members, and says so", async () => {
    await using server = await startRedis();
    await using layer = new RedisChannelLayer({ url: server.url });
    const [first = "", ...others] = await joinGroup(layer, 5);
    await server.cli("SET", `asgi${first}`, "text");
    const error = await assertRejects(
      () => layer.groupSend("readers", EVENT),
      LayerConfigurationError,
      "the message may have been sent",
    );
    assert(error.outcomeUnknown);
    assertEquals(await countReached(layer, others), 4);
    for (const channel of others) await layer.groupDiscard("readers", channel);
    const alone = await assertRejects(
      () => layer.groupSend("readers", EVENT),
      LayerConfigurationError,
    );
    assert(!alone.outcomeUnknown);
  });
});

/** Creates a group of so many channels, and returns their names. */
async function joinGroup(layer: ChannelLayer, count: number): Promise<string[]> {
  const channels = range(count).map((n) => `letters-${n}`);
  await Promise.all(channels.map((channel) => layer.groupAdd("readers", channel)));
  return channels;
}

/** Returns how many of some channels hold a message. */
async function countReached(layer: ChannelLayer, names: readonly string[]): Promise<number> {
  const { channels } = await layer.inspect(names);
  return channels.filter(({ depth }) => depth > 0).length;
}
