import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import { type Message, RedisChannelLayer } from "@asgi/channels";
import { messages } from "../../src/testing/conformance/arbitraries.ts";
import type { RedisServer } from "../helpers/redis.ts";
import { assertEchoes, startEcho } from "./echo.ts";
import { testWithPeer } from "./python.ts";

const EVENT = { type: "test.event", n: 1 };
const name = "JsonRedisChannelLayer";

const LIMITS: Readonly<Record<string, readonly unknown[]>> = {
  "integers of 64 bits": [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)],
  "safe integers": [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, -5],
  "floats": [-0, 0.1, 5e-324, 1e21, 1e300, Number.MAX_VALUE],
  "whole floats that are no safe integers": [2 ** 53, -(2 ** 63), 1e20],
  "containers and constants": [[], {}, [[]], "", null, true, false],
  "texts": ["\ufeff", "\0", "\u{10ffff}", "e\u0301", '\r\n\u2028"\\', "\ud7ff\ue000"],
  "objects with awkward keys": [
    JSON.parse('{"__proto__": 1, "constructor": {"prototype": []}, "": 2, "0": 3, "toJSON": 4}'),
  ],
  "lists in 400 lists": [Array.from({ length: 400 }).reduce((inner) => [inner], "deep")],
};

/** A layer of ours that writes JSON. */
function connect(redis: RedisServer, prefix: string, keys?: readonly string[]): RedisChannelLayer {
  const encryption = keys && { symmetricEncryptionKeys: keys };
  const options = { url: redis.url, prefix, serializer: "json" as const, ...encryption };
  return new RedisChannelLayer(options);
}

/** JSON has no bytes: texts stand in for them. */
function withoutBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutBytes(item)]));
}

testWithPeer("Deno and Python exchange JSON", async (t, redis, peer) => {
  await using layer = connect(redis, "echo");
  const config = { name, prefix: "echo" } as const;

  await t.step("200 generated messages return from Python unchanged", async () => {
    const generated = messages.map((message) => withoutBytes(message) as Message);
    await assertEchoes(await startEcho(layer, peer, config), generated, 200);
  });

  for (const [kind, values] of Object.entries(LIMITS)) {
    await t.step(`${kind} return from Python unchanged`, async () => {
      const echo = await startEcho(layer, peer, config);
      for (const value of values) await echo([{ type: "test.event", value }]);
    });
  }

  await t.step("Python reads each number with its type", async () => {
    const values = { whole: 3, half: 0.5, zero: -0, large: 2n ** 60n, float: 1e20, none: null };
    await layer.send("kinds", { type: "test.event", ...values });
    const kinds = await peer.call(config, "receive_kinds", "kinds");
    assertEquals(kinds, {
      type: "str",
      whole: "int",
      half: "float",
      zero: "float",
      large: "int",
      float: "float",
      none: "NoneType",
    });
  });

  await t.step("bytes are rejected with their path, before anything is sent", async () => {
    for (const bytes of [Uint8Array.of(1), Buffer.from("bytes")]) {
      const event = { type: "test.event", files: [{ bytes }] };
      await assertRejects(() => layer.send("refused", event), TypeError, "$.files[0].bytes");
    }
    assertEquals(await redis.cli("EXISTS", "echorefused"), "0");
  });

  await t.step("groups and process-local channels work in JSON", async () => {
    const prefix = "groups";
    await using layer = connect(redis, prefix);
    const theirs = await peer.call<string>({ name, prefix }, "new_channel");
    const own = layer.newChannel();
    for (const channel of [own, theirs, "letters"]) await layer.groupAdd("readers", channel);
    await layer.groupSend("readers", EVENT);
    assertEquals(await peer.call({ name, prefix }, "receive", theirs), EVENT);
    await peer.call({ name, prefix }, "group_send", "readers", { ...EVENT, n: 2 });
    await peer.call({ name, prefix }, "send", own, { ...EVENT, n: 3 });
    for (const n of [1, 2, 3]) assertEquals(await layer.receive(own), { ...EVENT, n });
    for (const n of [1, 2]) assertEquals(await layer.receive("letters"), { ...EVENT, n });
  });

  await t.step("JSON may be encrypted", async () => {
    const [prefix, keys] = ["encrypted", ["a password"]];
    await using layer = connect(redis, prefix, keys);
    const config = { name, prefix, symmetric_encryption_keys: keys } as const;
    await layer.send("python", EVENT);
    assertEquals(await peer.call(config, "receive", "python"), EVENT);
    await peer.call(config, "send", "deno", EVENT);
    assertEquals(await layer.receive("deno"), EVENT);
  });

  await t.step("what is on the wire is random bytes and JSON", async () => {
    await using layer = connect(redis, "wire");
    await layer.send("letters", EVENT);
    const script = "return redis.call('ZRANGE', KEYS[1], 0, 0)[1]:sub(13)";
    assertEquals(JSON.parse(await redis.cli("EVAL", script, "1", "wireletters")), EVENT);
  });
});
