import { Decoder, Encoder, type ExtensionCodec } from "@msgpack/msgpack";
import { MessageTooLargeError, UndecodableMessageError } from "../../errors/mod.ts";
import { printable } from "../../printable.ts";
import { checkShape, COST, MAX_DEPTH, MAX_MEMORY, type MessageCodec } from "./codec.ts";
import { inspect, memoryOf } from "./msgpack_inspection.ts";

/** The MessagePack codec, compatible with Python's `msgpack`. */
export const msgpackCodec: MessageCodec = {
  carriesBytes: true,
  encode(message, exact) {
    const bytes = exact ? exactEncoder.encode(widen(message)) : plainEncoder.encode(message);
    if (bytes.length > ALWAYS_FITS) checkMemory(bytes);
    return bytes;
  },
  decode(bytes) {
    try {
      return checkShape(decodeValue(bytes));
    } catch (error) {
      if (error instanceof UndecodableMessageError) throw error;
      const reason = printable(error instanceof Error ? error.message : String(error), 200);
      throw new UndecodableMessageError({
        reason: `invalid MessagePack (${reason})`,
        cause: error,
      });
    }
  },
};

/**
 * A message of up to this many bytes never exceeds the memory limit. The most memory for each byte is
 * taken by an object whose only key is a number.
 */
const ALWAYS_FITS = 4 * MAX_MEMORY / (COST.object + COST.entry + COST.numericKeys + COST.reference);

/** Rejects a message that its receiver would reject. */
function checkMemory(bytes: Uint8Array): void {
  const memory = memoryOf(bytes);
  if (memory > MAX_MEMORY) {
    throw new MessageTooLargeError({ size: memory, limit: MAX_MEMORY, where: "in memory" });
  }
}

/** Rejects all extension types: processes would have to agree on them. */
const noExtensions = {
  tryToEncode: () => null,
  decode(_data: Uint8Array, type: number): never {
    throw new UndecodableMessageError({ reason: `extension type ${type} is not supported` });
  },
} as unknown as ExtensionCodec<undefined>;

const OPTIONS = { maxDepth: MAX_DEPTH + 1, ignoreUndefined: true };
const plainEncoder = new Encoder(OPTIONS);

/**
 * Preserves what the plain encoder changes: 64-bit integers, and `-0`, which it encodes as 0. It encodes
 * every number as a float and every bigint as an integer, so integers are widened first.
 */
const exactEncoder = new Encoder({ ...OPTIONS, useBigInt64: true, forceIntegerToFloat: true });

function widen(value: unknown): unknown {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return BigInt(value as number);
  return mapNested(value, widen);
}

const PLAIN = { extensionCodec: noExtensions };
const plainDecoder = new Decoder(PLAIN);
const wideDecoder = new Decoder({ ...PLAIN, useBigInt64: true });

/** Hides a forbidden key from the decoder; no valid UTF-8 decodes to it. */
const MASK = "\udc00";
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const maskingDecoder = new Decoder({
  ...PLAIN,
  useBigInt64: true,
  keyDecoder: {
    canBeCached: () => true,
    decode(bytes: Uint8Array, offset: number, length: number) {
      const key = utf8.decode(bytes.subarray(offset, offset + length));
      return key === "__proto__" ? MASK + key : key;
    },
  },
});

/** Decodes once, with the fastest decoder that preserves every value of the message. */
function decodeValue(bytes: Uint8Array): unknown {
  const { hasBigInt, hasAwkwardKey, marked } = inspect(bytes);
  if (!hasBigInt && !hasAwkwardKey && marked.length === 0) return plainDecoder.decode(bytes);
  const decoder = hasAwkwardKey ? maskingDecoder : wideDecoder;
  if (marked.length === 0) return restore(decoder.decode(bytes), NO_TEXTS);
  const { copy, texts } = withTextsAsBytes(bytes, marked);
  return restore(decoder.decode(copy), texts);
}

/** The offsets of the bytes that were a text in the message. */
type Texts = ReadonlySet<number>;

const NO_TEXTS: Texts = new Set();

/** The first byte of a text with an explicit length, and the distance to that of bytes. */
const TEXT8 = 0xd9;
const TO_BYTES = 0xc4 - TEXT8;

/**
 * Returns a copy in which some texts are bytes: the `TextDecoder` of the decoder would remove the byte
 * order mark at their start.
 */
function withTextsAsBytes(
  bytes: Uint8Array,
  heads: readonly number[],
): { readonly copy: Uint8Array; readonly texts: Texts } {
  const copy = new Uint8Array(bytes);
  const texts = new Set<number>();
  for (const head of heads) {
    texts.add(head + 1 + (1 << (copy[head]! - TEXT8)));
    copy[head]! += TO_BYTES;
  }
  return { copy, texts };
}

/** Narrows bigints to numbers where that is exact, decodes texts, and unmasks keys. */
function restore(value: unknown, texts: Texts): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return texts.has(value.byteOffset) ? utf8.decode(value) : value;
  if (!Array.isArray(value)) return restoreObject(value as Record<string, unknown>, texts);
  for (let index = 0; index < value.length; index++) value[index] = restore(value[index], texts);
  return value;
}

function restoreObject(object: Record<string, unknown>, texts: Texts): unknown {
  const keys = Object.keys(object);
  for (const key of keys) object[key] = restore(object[key], texts);
  return keys.some((key) => key.startsWith(MASK)) ? mapNested(object, (item) => item) : object;
}

function mapNested(value: unknown, change: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => change(item));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    define(copy, key.startsWith(MASK) ? key.slice(MASK.length) : key, change(item));
  }
  return copy;
}

/** Defines an own property, even if its name is `__proto__`. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
