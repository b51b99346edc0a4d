import fc from "fast-check";
import type { Message } from "../../protocol/mod.ts";

/** Well-formed strings, including astral and control characters. */
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "\0", "\u{10ffff}", "\ufeffbyte order mark", "é".normalize("NFD")),
);

const numbers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 70_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 5e-324, 1e308, 1e20, 0.1, 2 ** 32, 2 ** 53, -(2 ** 63)),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);

/** 64-bit integers that are not safe as a `number`. */
const bigints = fc.oneof(
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
);

/** Bytes of lengths at which encodings change; created once, since that is slow. */
const longBytes = [0, 31, 255, 256, 65_535, 65_536, 70_000].map((length) =>
  Uint8Array.from({ length }, (_, index) => index * 7)
);

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom(...longBytes) },
);

/** Keys with a meaning elsewhere; in a message they are data. */
const awkwardKeys = fc.constantFrom(
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "",
  "0",
  "42",
  "\ufeff",
  "\u{10000}",
);

const keys = fc.oneof(fc.string({ unit: "binary" }), awkwardKeys);

const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.oneof(texts, numbers, bigints, bytes, fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.array(fc.tuple(keys, tie("value")), { maxLength: 5 }).map(objectOf),
  ),
}));

/** Valid messages. Those with many bytes are left out, since they could be too large. */
export const messages: fc.Arbitrary<Message> = fc.array(fc.tuple(keys, values), { maxLength: 5 })
  .map((entries) => objectOf([...entries, ["type", "test.event"]]) as unknown as Message)
  .filter((message) => bytesIn(message) < 900_000);

function bytesIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, item) => sum + bytesIn(item), 0);
}

/** Returns an object whose keys are all own properties, including `__proto__`. */
export function objectOf(entries: Iterable<readonly [string, unknown]>): object {
  return Object.fromEntries(entries);
}

const ALLOWED = [..."abcXYZ019-_."];
const ANYTHING = [...ALLOWED, "!", "!", " ", "é", "/", "\n", "😀"];

/** Strings of which about half are valid names. */
export const nameCandidates: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ALLOWED), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...ALLOWED, "!"), maxLength: 6 }),
  fc.string({ unit: fc.constantFrom(...ANYTHING), maxLength: 8 }),
  fc.integer({ min: 96, max: 103 }).map((length) => "n".repeat(length)),
  fc.integer({ min: 96, max: 103 }).map((length) => "n".repeat(length - 2) + "!n"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
