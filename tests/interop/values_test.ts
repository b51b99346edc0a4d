import { assertEquals } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { messages } from "../../src/testing/conformance/arbitraries.ts";
import { assertEchoes, startEcho } from "./echo.ts";
import { testWithPeer } from "./python.ts";

/** The largest value that may travel, in bytes: 1 MiB, less what is around it in the message. */
const LARGEST = 1_048_576 - 28;

const LIMITS: readonly unknown[] = [
  [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)],
  [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -(2 ** 31) - 1, 255, 256, -129],
  [0, -0, 5e-324, Number.MAX_VALUE, 0.1, 1e300, -1e-300],
  [[], {}, "", new Uint8Array(), [[]], [{}], null, true, false],
  ["\ufeff", "\0", "\u{10ffff}", "e\u0301", "\r\n\u2028", "\u0000".repeat(300)],
  JSON.parse('{"__proto__": 1, "constructor": {"prototype": []}, "": 2, "0": 3}'),
  Array.from({ length: 400 }).reduce((inner) => [inner], "deep"),
  Array.from({ length: 70_000 }, (_, index) => index),
  "é".repeat(70_000),
  new Uint8Array(LARGEST).fill(7),
  "x".repeat(LARGEST),
];

const KINDS: readonly (readonly [kind: string, value: unknown])[] = [
  ["str", "Grüße 😀"],
  ["int", -5],
  ["int", 2 ** 40],
  ["int", 2n ** 60n],
  ["int", 3.0],
  ["float", 0.5],
  ["float", -0],
  ["float", 1e300],
  ["NoneType", null],
  ["bool", true],
  ["bytes", Uint8Array.of(0, 255)],
  ["list", [1, "two"]],
  ["dict", { "": 1, inner: { a: [] } }],
];

testWithPeer("Values are the same in Deno and in Python", async (t, redis, peer) => {
  const capacity = 1000;
  await using layer = new RedisChannelLayer({ url: redis.url, capacity });
  await t.step("400 generated messages return from Python unchanged", async () => {
    await assertEchoes(await startEcho(layer, peer, { capacity }), messages, 400);
  });

  await t.step("values at their limits return from Python unchanged", async () => {
    const echo = await startEcho(layer, peer, { capacity });
    await echo(LIMITS.map((value) => ({ type: "test.event", value })));
  });

  await t.step("400 messages of Python return from Deno unchanged", async () => {
    const count = 400;
    const seed = Math.floor(Math.random() * 1e9);
    const sendBack = async () => {
      for (let left = count; left > 0; left--) await layer.send("py", await layer.receive("back"));
    };
    const [differences] = await Promise.all([
      peer.call<string[]>({ capacity }, "send_random", "back", "py", seed, count),
      sendBack(),
    ]);
    assertEquals(differences, [], `seed ${seed}`);
  });

  await t.step("Python reads each value with its type", async () => {
    const values = KINDS.map(([, value], index) => [`value-${index}`, value] as const);
    await layer.send("kinds", { type: "test.event", ...Object.fromEntries(values) });
    const kinds = await peer.call<Record<string, string>>({}, "receive_kinds", "kinds");
    assertEquals(Object.values(kinds), ["str", ...KINDS.map(([kind]) => kind)]);
  });

  await t.step("one byte more than 1 MiB is rejected before it is sent", async () => {
    const sent = { type: "test.event", value: "x".repeat(LARGEST + 1) };
    const refusal = await layer.send("refused", sent).catch((error) => error.name);
    assertEquals(refusal, "MessageTooLargeError");
  });
});
