import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MemoryChannelLayer, MessageTooLargeError, UndecodableMessageError } from "@asgi/channels";
import { msgpackCodec } from "@asgi/channels/layers";
import { assertSame } from "../../src/testing/conformance/same_value.ts";
import { memoryInUse } from "../helpers/memory.ts";

const LARGEST = 4 * 1_048_576;

/** A message of some bytes, whose one value is an array that repeats a unit. */
function repeated(unit: readonly number[], size: number): Uint8Array {
  const count = Math.floor((size - 8) / unit.length);
  const bytes = new Uint8Array(8 + count * unit.length);
  bytes.set([0x81, 0xa1, 0x61, 0xdd]);
  new DataView(bytes.buffer).setUint32(4, count);
  for (let at = 8; at < bytes.length; at += unit.length) bytes.set(unit, at);
  return bytes;
}

/** How long something takes, in milliseconds. */
function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

const TINY: Readonly<Record<string, readonly number[]>> = {
  "empty objects": [0x80],
  "empty arrays": [0x90],
  "arrays of one": [0x91, 1],
  "empty byte strings": [0xc4, 0],
  "texts of two characters": [0xa2, 0x61, 0x62],
  "objects of one": [0x81, 0xa1, 0x61, 1],
  "objects with a number as key": [0x81, 1, 1],
};

for (const [what, unit] of Object.entries(TINY)) {
  Deno.test(`4 MiB of ${what} are undecodable, fast and without using memory`, () => {
    const bytes = repeated(unit, LARGEST);
    const before = memoryInUse();
    const decode = () =>
      assertThrows(
        () => msgpackCodec.decode(bytes),
        UndecodableMessageError,
        "its values would take more than 40 MiB of memory",
      );
    assertLess(timeOf(decode), 2_000);
    assertLess(memoryInUse() - before, 40e6);
  });
}

Deno.test("4 MiB of numbers, of a text, of bytes and of usual objects are decoded", () => {
  const numbers = msgpackCodec.decode(repeated([7], LARGEST)) as unknown as { a: number[] };
  assertEquals([numbers.a.length, numbers.a.at(-1)], [LARGEST - 8, 7]);
  const text = "é".repeat(LARGEST / 2 - 100);
  const row = { id: 1, name: "Ada Lovelace", email: "ada@example.com", active: true, rank: 0.5 };
  const rows = Array.from({ length: 60_000 }, (_, id) => ({ ...row, id }));
  for (const value of [text, new Uint8Array(LARGEST - 100), rows]) {
    const message = { type: "work", value };
    assertEquals(msgpackCodec.decode(msgpackCodec.encode(message, false)), message);
  }
});

Deno.test("a message that would take too much memory at its receiver isn't sent", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.groupAdd("readers", "letters");
  const value = Array.from({ length: 1_000_000 }, () => ({}));
  const message = { type: "work", value };
  for (const send of [layer.send("letters", message), layer.groupSend("readers", message)]) {
    await assertRejects(() => send, MessageTooLargeError, "bytes in memory is too large");
  }
  await layer.send("letters", { ...message, value: value.slice(0, 600_000) });
  assertEquals(((await layer.receive("letters")).value as unknown[]).length, 600_000);
});

/** Heads that begin a value of each kind, and what often follows them. */
const parts = fc.oneof(
  fc.constantFrom(0x80, 0x81, 0x90, 0x91, 0xa0, 0xa1, 0xc0, 0xc4, 0xcb, 0xcf, 0xd9, 0xdc, 0xde),
  fc.nat(255),
);
const units = fc.array(parts, { minLength: 1, maxLength: 40 });

Deno.test("1 MiB of anything that repeats is decoded or undecodable, in linear time", () => {
  const check = (unit: readonly number[], isWhole: boolean) => {
    const all = repeated(unit, 1_048_576);
    const bytes = isWhole ? all : all.subarray(8);
    const decode = () => {
      try {
        msgpackCodec.decode(bytes);
      } catch (error) {
        assert(error instanceof UndecodableMessageError, `${error} isn't expected`);
      }
    };
    assertLess(timeOf(decode), 5_000);
  };
  fc.assert(fc.property(units, fc.boolean(), check), { numRuns: 50 });
});

/** Texts of each length with a different header; the decoder decodes long ones differently. */
const texts = fc.tuple(
  fc.constantFrom("", "\ufeff", "\ufeff\ufeff", "x\ufeff"),
  fc.constantFrom(0, 1, 28, 29, 30, 31, 32, 190, 197, 198, 200, 250, 256, 300, 65_540),
).map(([start, length]) => start + "x".repeat(length));
const keys = fc.oneof(texts, fc.constantFrom("__proto__", "constructor", "toString", "0", "-1"));
const values = fc.oneof(
  texts,
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.maxSafeInteger(),
  fc.constantFrom(
    NaN,
    Infinity,
    -Infinity,
    -0,
    null,
    true,
    2 ** 53 - 1,
    -(2 ** 53 - 1),
    -(2 ** 53),
  ),
  fc.uint8Array({ maxLength: 40 }),
);
const { message } = fc.letrec<{ message: unknown; value: unknown }>((tie) => ({
  message: fc.dictionary(keys, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  value: fc.oneof(
    { depthSize: "small" },
    values,
    fc.array(tie("value"), { maxLength: 5 }),
    tie("message"),
  ),
}));

Deno.test("byte order marks, odd keys and large integers are decoded unchanged", () => {
  const check = (value: unknown) => {
    const bytes = msgpackCodec.encode({ type: "work", value }, true);
    const copy = bytes.slice();
    assertSame(msgpackCodec.decode(bytes), { type: "work", value });
    assertEquals(bytes, copy, "the bytes were changed");
  };
  fc.assert(fc.property(message, check), { numRuns: 500 });
});
