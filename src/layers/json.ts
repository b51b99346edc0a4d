import { UndecodableMessageError } from "../errors.ts";
import { checkShape, type MessageCodec } from "./codec.ts";
import { MAX_DEPTH } from "./permitted.ts";

/** What the language has, and its type declarations don't tell yet. */
const exactJson = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, at: { source?: string }) => unknown,
  ): unknown;
};

/** JSON as Python's `json` writes and reads it: integers of 64 bits and `-0` stay what they are. */
export const jsonCodec: MessageCodec = {
  carriesBytes: false,
  encode: (message) => new TextEncoder().encode(JSON.stringify(message, writeExactly)),
  decode(bytes) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      checkDepth(text);
      return checkShape(needsCare(text) ? exactJson.parse(text, readExactly) : JSON.parse(text));
    } catch (error) {
      if (error instanceof UndecodableMessageError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new UndecodableMessageError(`no valid JSON (${reason})`, { cause: error });
    }
  },
};

function writeExactly(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return exactJson.rawJSON(String(value));
  if (typeof value !== "number" || Number.isSafeInteger(value) && !Object.is(value, -0)) {
    return value;
  }
  if (Object.is(value, -0)) return exactJson.rawJSON("-0.0");
  // Written out in digits it would be an integer to others.
  return Number.isInteger(value) ? exactJson.rawJSON(value.toExponential()) : value;
}

/** Whether a text may hold a number that the plain reading changes. */
function needsCare(text: string): boolean {
  return /\d{16}|[eE]\+?\d{3}/.test(text);
}

function readExactly(_key: string, value: unknown, { source = "" }: { source?: string }): unknown {
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) throw new UndecodableMessageError(`${source} is too large a number`);
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
  const integer = BigInt(source);
  if (BigInt.asIntN(64, integer) === integer || BigInt.asUintN(64, integer) === integer) {
    return integer;
  }
  throw new UndecodableMessageError(`${source} is an integer of more than 64 bits`);
}

/** Before anything is built from it: each level has a bracket of its own, outside of the texts. */
function checkDepth(text: string): void {
  if (text.length <= MAX_DEPTH) return;
  let depth = 0;
  for (const [bracket] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]}]/gs)) {
    if (bracket === "[" || bracket === "{") depth++;
    else if (bracket === "]" || bracket === "}") depth--;
    if (depth > MAX_DEPTH + 1) {
      throw new UndecodableMessageError(`nested in more than ${MAX_DEPTH} levels`);
    }
  }
}
