import { Buffer } from "node:buffer";
import { Decoder, Encoder, type ExtensionCodec } from "@msgpack/msgpack";
import { UndecodableMessageError } from "../errors.ts";
import { checkClaims } from "./msgpack_claims.ts";
import { checkShape, type MessageCodec } from "./codec.ts";
import { MAX_DEPTH } from "./permitted.ts";

/** MessagePack as Python's `msgpack` writes and reads it. */
export const msgpackCodec: MessageCodec = {
  carriesBytes: true,
  encode: (message, exact) =>
    exact ? exactEncoder.encode(widen(message)) : plainEncoder.encode(message),
  decode(bytes) {
    try {
      return checkShape(decodeValue(bytes));
    } catch (error) {
      if (error instanceof UndecodableMessageError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new UndecodableMessageError(`no valid MessagePack (${reason})`, { cause: error });
    }
  },
};

function refuse(reason: string): never {
  throw new UndecodableMessageError(reason);
}

/** Extension types have no meaning between two processes that don't agree on them: none passes. */
const noExtensions = {
  tryToEncode: () => null,
  decode: (_data: Uint8Array, type: number) => refuse(`extension type ${type} is not supported`),
} as unknown as ExtensionCodec<undefined>;

const DEPTH = { maxDepth: MAX_DEPTH + 1 };
const plainEncoder = new Encoder(DEPTH);

/**
 * Keeps what the plain one changes: 64-bit integers, and `-0`, which it takes for the integer 0.
 * It writes every number as a float and every bigint as an integer, so integers are widened first.
 */
const exactEncoder = new Encoder({ ...DEPTH, useBigInt64: true, forceIntegerToFloat: true });

function widen(value: unknown): unknown {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return BigInt(value as number);
  return mapNested(value, widen);
}

const PLAIN = { extensionCodec: noExtensions };
const plainDecoder = new Decoder(PLAIN);
const wideDecoder = new Decoder({ ...PLAIN, useBigInt64: true });

/** The heads of MessagePack's unsigned and signed 64-bit integers. */
const UINT64 = 0xcf;
const INT64 = 0xd3;

/** At the head of a long text the decoder loses it: its `TextDecoder` eats byte order marks. */
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

function decodeValue(bytes: Uint8Array): unknown {
  checkClaims(bytes);
  // Its first byte is rare, and cheap to look for.
  if (bytes.includes(0xef) && Buffer.from(bytes).includes(BYTE_ORDER_MARK)) {
    return decodeCarefully(bytes);
  }
  try {
    const wide = bytes.includes(UINT64) || bytes.includes(INT64);
    if (wide) return restore(wideDecoder.decode(bytes));
    const value = plainDecoder.decode(bytes);
    // Each level takes a byte, so short ones can't be too deep.
    if (bytes.length > MAX_DEPTH) checkDepth(value);
    return value;
  } catch {
    // The decoder refuses maps with keys such as "constructor", which are only data to us.
    return decodeCarefully(bytes);
  }
}

/** No UTF-8 decodes to it: it keeps a forbidden key out of the decoder's sight. */
const MASK = "\udc00";
const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const CAREFUL = {
  ...PLAIN,
  useBigInt64: true,
  keyDecoder: {
    canBeCached: () => true,
    decode(bytes: Uint8Array, offset: number, length: number) {
      const key = utf8.decode(bytes.subarray(offset, offset + length));
      return FORBIDDEN.has(key) ? MASK + key : key;
    },
  },
};
const carefulDecoder = new Decoder(CAREFUL);
const rawDecoder = new Decoder({ ...CAREFUL, rawStrings: true });

/** Decodes twice: to see what is a text, and to have the bytes of each for a decoder of ours. */
function decodeCarefully(bytes: Uint8Array): unknown {
  return restore(withTexts(carefulDecoder.decode(bytes), rawDecoder.decode(bytes)));
}

function withTexts(value: unknown, raw: unknown, depth = 0): unknown {
  if (typeof value === "string") return utf8.decode(raw as Uint8Array);
  checkDepthAt(depth);
  return mapNested(value, (item, key) => withTexts(item, childOf(raw, key), depth + 1));
}

function childOf(container: unknown, key: string | number): unknown {
  return (container as Record<string | number, unknown>)[key];
}

function checkDepth(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  checkDepthAt(depth);
  for (const item of Object.values(value)) checkDepth(item, depth + 1);
}

/** Narrows bigints to numbers where that is exact, and unmasks keys. */
function restore(value: unknown, depth = 0): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  checkDepthAt(depth);
  return mapNested(value, (item) => restore(item, depth + 1));
}

function checkDepthAt(depth: number): void {
  if (depth > MAX_DEPTH) refuse(`nested in more than ${MAX_DEPTH} levels`);
}

function mapNested(
  value: unknown,
  change: (item: unknown, key: string | number) => unknown,
): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    define(copy, key.startsWith(MASK) ? key.slice(MASK.length) : key, change(item, key));
  }
  return copy;
}

/** Sets an own property, even when it is called `__proto__`. */
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
