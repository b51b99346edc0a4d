import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MemoryChannelLayer, type Message, UndecodableMessageError } from "@asgi/channels";
import { msgpackCodec } from "@asgi/channels/layers";
import { checkChannelName } from "../../src/layers/internal.ts";
import { memoryInUse } from "../helpers/memory.ts";

/** How many cases of each kind. */
const CASES = { numRuns: 3_000 };

/** What bytes decode to: a message, or nothing, for the one reason there may be. */
function decoded(bytes: Uint8Array): Message | undefined {
  try {
    return msgpackCodec.decode(bytes);
  } catch (error) {
    assert(error instanceof UndecodableMessageError, `${error} isn't expected`);
  }
}

const messages = fc.dictionary(
  fc.string(),
  fc.oneof(fc.string(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
).map((rest) => ({ ...rest, type: "work" }));

/** Bytes that often begin as MessagePack does. */
const heads = fc.constantFrom(...[0x80, 0x81, 0x8f, 0x90, 0x9f, 0xa1, 0xc1, 0xc4, 0xc7, 0xcb, 0xcf]
  .concat([0xd3, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff]));
const likely = fc.array(fc.oneof(heads, fc.nat(255)), { maxLength: 200 })
  .map((bytes) => Uint8Array.from(bytes));

Deno.test("random bytes are either a message or undecodable", () => {
  const check = (bytes: Uint8Array) => {
    const message = decoded(bytes);
    assert(message === undefined || typeof message === "object" && !Array.isArray(message));
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), check), CASES);
  fc.assert(fc.property(likely, check), CASES);
});

Deno.test("a message truncated anywhere is undecodable", () => {
  fc.assert(
    fc.property(messages, fc.nat(), (message, cut) => {
      const bytes = msgpackCodec.encode(message, true);
      assertEquals(decoded(bytes.subarray(0, cut % bytes.length)), undefined);
    }),
    CASES,
  );
});

Deno.test("a message with one wrong byte is another message or undecodable", () => {
  fc.assert(
    fc.property(messages, fc.nat(), fc.nat(255), (message, position, byte) => {
      const bytes = Uint8Array.from(msgpackCodec.encode(message, true));
      bytes[position % bytes.length] = byte;
      decoded(bytes);
    }),
    CASES,
  );
});

Deno.test("a value that isn't an object is undecodable: a list, a number, null, a text", () => {
  for (const bytes of [[0x93, 1, 2, 3], [0x05], [0xc0], [0xa1, 0x61], [0xc3], [0xc4, 0]]) {
    assertThrows(() => msgpackCodec.decode(Uint8Array.from(bytes)), UndecodableMessageError);
  }
});

/** `levels` containers in each other, within a message. */
function nested(levels: number, head: readonly number[]): Uint8Array {
  const inner = Array.from({ length: levels }, () => head).flat();
  return Uint8Array.from([0x81, 0xa1, 0x61, ...inner, 0xc0]);
}

Deno.test("10,000 levels of nesting are undecodable, fast", () => {
  const start = performance.now();
  for (
    const head of [[0x91], [0x81, 0xa1, 0x61], [0xdc, 0, 1], [0xdd, 0, 0, 0, 1], [
      0xde,
      0,
      1,
      0xa1,
      0x61,
    ]]
  ) {
    assertThrows(() => msgpackCodec.decode(nested(10_000, head)), UndecodableMessageError);
  }
  assertLess(performance.now() - start, 2_000);
});

Deno.test("a few bytes that claim a great length use no memory", () => {
  const before = memoryInUse();
  const heads = [[0xdd, 1, 255, 255, 255], [0xdc, 255, 255], [0xdf, 255, 255, 255, 255]];
  for (const head of [...heads, [0xdd, 255, 255, 255, 255]]) {
    for (const levels of [1, 20, 400, 20_000]) {
      assertThrows(() => msgpackCodec.decode(nested(levels, head)), UndecodableMessageError);
    }
  }
  for (const head of [0xc6, 0xc9, 0xdb]) {
    const bytes = Uint8Array.from([0x81, 0xa1, 0x61, head, 255, 255, 255, 255, 0]);
    assertThrows(() => msgpackCodec.decode(bytes), UndecodableMessageError);
  }
  assertLess(memoryInUse() - before, 100e6);
});

Deno.test("long arrays of the claimed length are decoded", () => {
  for (const length of [15, 16, 65_535, 65_536, 300_000]) {
    const message = { type: "work", list: Array.from({ length }, (_, at) => at % 100) };
    assertEquals(msgpackCodec.decode(msgpackCodec.encode(message, false)), message);
  }
});

Deno.test("__proto__ and constructor are data, and change no prototype", () => {
  const text = (words: string) => [0xa0 + words.length, ...new TextEncoder().encode(words)];
  for (const key of ["__proto__", "constructor", "prototype"]) {
    // { KEY: { polluted: true }, type: "t" }
    const bytes = [
      0x82,
      ...text(key),
      0x81,
      ...text("polluted"),
      0xc3,
      ...text("type"),
      ...text("t"),
    ];
    const message = msgpackCodec.decode(Uint8Array.from(bytes));
    assertEquals(Object.keys(message), [key, "type"]);
    assertEquals(Object.getPrototypeOf(message), Object.prototype);
    assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
  }
});

Deno.test("a name is either valid for every method, or rejected by each with the rule", async () => {
  await using layer = new MemoryChannelLayer();
  const parts = fc.constantFrom(
    "a",
    "Z",
    "9",
    "-",
    "_",
    ".",
    "!",
    "\n",
    " ",
    "é",
    "/",
    "\u0000",
    "😀",
  );
  const names = fc.oneof(
    fc.string({ maxLength: 120 }),
    fc.array(parts, { maxLength: 120 }).map((all) => all.join("")),
  );
  const check = (name: string) => {
    const [visible = "", own, ...more] = name.split("!");
    const fits = (part: string) => /^[A-Za-z0-9\-_.]+$/.test(part) && !part.endsWith("\n");
    const isValid = name.length < 100 && more.length === 0 && fits(visible) &&
      (own === undefined || fits(own));
    if (isValid) return checkChannelName(name);
    assertThrows(() => checkChannelName(name), TypeError, "only ASCII letters, digits");
  };
  fc.assert(fc.property(names, check), CASES);
  for (const name of ["a\n", "\na", "a\r", "a b", "", "!", "a!", "!a", "a!b!c", "a".repeat(100)]) {
    for (const call of [() => layer.send(name, { type: "t" }), () => layer.receive(name)]) {
      const error: unknown = await call().then(() => undefined, (error) => error);
      assert(error instanceof TypeError, `${JSON.stringify(name)} is not refused`);
    }
  }
});
