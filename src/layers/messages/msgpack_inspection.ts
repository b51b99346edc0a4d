import { UndecodableMessageError } from "../../errors/mod.ts";
import { COST, MAX_DEPTH, MAX_MEMORY, reject } from "./codec.ts";

/** The properties of a message that decide how it is decoded. */
export interface Inspection {
  /** Whether the message contains an integer that a number cannot represent. */
  readonly hasBigInt: boolean;
  /** Whether the message contains a key that the decoder rejects, or decodes wrongly. */
  readonly hasAwkwardKey: boolean;
  /** The offsets of texts that start with a byte order mark, which the decoder would remove. */
  readonly marked: readonly number[];
}

/**
 * Validates the lengths, the depth and the memory of a message before it is decoded. The decoder
 * allocates an array as soon as it has read its length, so a few bytes could exhaust the memory.
 *
 * @throws {UndecodableMessageError} If the bytes are too short or too long for their contents, nested
 * too deeply, or would take too much memory.
 */
export function inspect(bytes: Uint8Array): Inspection {
  const walk = new Walk(bytes, MAX_MEMORY);
  walk.run();
  return walk;
}

/** Returns about how much memory the values of an encoded message take, in bytes. */
export function memoryOf(bytes: Uint8Array): number {
  const walk = new Walk(bytes, Infinity);
  walk.run();
  return walk.memory;
}

/** The kinds of values, as the first byte (the head) of each tells. */
const PLAIN = 0;
const TEXT = 1;
const BYTES = 2;
const UNSIGNED = 3;
const SIGNED = 4;
const ARRAY = 5;
const MAP = 6;

/** By head: the kind of a value, its fixed size in bytes, and the width of its length field. */
const KIND = new Uint8Array(256);
const SIZE = new Uint8Array(256).fill(1);
const WIDTH = new Uint8Array(256);

function describe(head: number, kind: number, size: number, width = 0): void {
  KIND[head] = kind;
  SIZE[head] = size;
  WIDTH[head] = width;
}

for (let n = 0; n < 16; n++) {
  describe(0x80 + n, MAP, 1);
  describe(0x90 + n, ARRAY, 1);
}
for (let n = 0; n < 32; n++) describe(0xa0 + n, TEXT, 1 + n);
for (const [index, width] of [1, 2, 4].entries()) {
  describe(0xc4 + index, BYTES, 1 + width, width);
  // An extension also has a type. The decoder rejects it.
  describe(0xc7 + index, BYTES, 2 + width, width);
  describe(0xd9 + index, TEXT, 1 + width, width);
}
for (const [index, size] of [5, 9, 2, 3, 5, 9, 2, 3, 5, 9].entries()) {
  describe(0xca + index, PLAIN, size);
}
describe(0xcf, UNSIGNED, 9);
describe(0xd3, SIGNED, 9);
for (const [index, size] of [1, 2, 4, 8, 16].entries()) describe(0xd4 + index, PLAIN, 2 + size);
for (const [index, width] of [2, 4].entries()) {
  describe(0xdc + index, ARRAY, 1 + width, width);
  describe(0xde + index, MAP, 1 + width, width);
}

/** The maximum length of a text whose head contains its length; the decoder keeps its byte order mark. */
const LONGEST_SHORT_TEXT = 31;

const FORBIDDEN = [..."__proto__"].map((character) => character.charCodeAt(0));

/** How many values each level still lacks; shared, since one walk runs at a time. */
const left = new Float64Array(MAX_DEPTH + 2);
/** Whether a level is a map: 1, or 2 if one of its keys is a number. */
const isMap = new Uint8Array(MAX_DEPTH + 2);

class Walk implements Inspection {
  hasBigInt = false;
  hasAwkwardKey = false;
  readonly marked: number[] = [];
  memory = 0;
  readonly #bytes: Uint8Array;
  readonly #most: number;
  #level = 0;
  /** How many values all levels still lack; each takes at least one byte. */
  #open = 1;

  constructor(bytes: Uint8Array, most: number) {
    this.#bytes = bytes;
    this.#most = most;
    left[0] = 1;
    isMap[0] = 0;
  }

  run(): void {
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = 0;
    while (this.#open > 0) {
      if (at >= length) throw new UndecodableMessageError({ reason: "it is incomplete" });
      const head = bytes[at]!;
      const kind = KIND[head]!;
      left[this.#level]!--;
      this.#open--;
      if (kind === PLAIN) {
        if (isMap[this.#level] === 1 && left[this.#level]! % 2 === 1) this.#noteNumericKey();
        at += SIZE[head]!;
      } else {
        at = this.#visit(kind, head, at);
      }
      while (left[this.#level] === 0 && this.#level > 0) this.#level--;
    }
    if (at === length) return;
    throw new UndecodableMessageError({
      reason: at > length ? "it is incomplete" : "it is followed by other bytes",
    });
  }

  /** Returns the offset of the next value. */
  #visit(kind: number, head: number, at: number): number {
    const size = SIZE[head]!;
    const width = WIDTH[head]!;
    if (kind >= ARRAY) {
      const count = width === 0 ? head & 0xf : this.#numberAt(at + 1, width);
      this.#enter(kind === MAP, count, at + size);
      return at + size;
    }
    if (kind >= UNSIGNED) {
      this.#visitInteger(kind, at + 1);
      return at + size;
    }
    const end = at + size + (width === 0 ? 0 : this.#numberAt(at + 1, width));
    if (kind === TEXT) this.#visitText(at, at + 1 + width, end);
    else this.#take(COST.bytes);
    return end;
  }

  #enter(map: boolean, count: number, at: number): void {
    const values = map ? 2 * count : count;
    this.#open += values;
    if (this.#open > this.#bytes.length - at) {
      throw new UndecodableMessageError({ reason: "its lengths exceed its size" });
    }
    this.#take(map ? COST.object + COST.entry * count : COST.array + COST.reference * count);
    if (++this.#level > MAX_DEPTH + 1) reject.depth();
    left[this.#level] = values;
    isMap[this.#level] = map ? 1 : 0;
  }

  #visitText(head: number, start: number, end: number): void {
    const bytes = this.#bytes;
    // The level has been counted down already: an odd number is left at a key.
    const isKey = isMap[this.#level]! > 0 && left[this.#level]! % 2 === 1;
    this.#take(end - start + (isKey ? 0 : COST.text));
    if (isKey && isMap[this.#level] === 1 && isDigit(bytes[start]!)) this.#noteNumericKey();
    if (isKey && bytes[start] === FORBIDDEN[0] && end - start === FORBIDDEN.length) {
      this.hasAwkwardKey ||= FORBIDDEN.every((byte, index) => bytes[start + index] === byte);
    }
    if (bytes[start] !== 0xef || end - start <= LONGEST_SHORT_TEXT) return;
    if (bytes[start + 1] !== 0xbb || bytes[start + 2] !== 0xbf) return;
    if (isKey) this.hasAwkwardKey = true;
    else this.marked.push(head);
  }

  #noteNumericKey(): void {
    isMap[this.#level] = 2;
    this.#take(COST.numericKeys);
  }

  #visitInteger(kind: number, at: number): void {
    const high = this.#numberAt(at, 4);
    const isSafe = high < 0x20_0000 || kind === SIGNED && high > 0xffe0_0000;
    if (isSafe) return;
    this.hasBigInt = true;
    this.#take(COST.bigint);
  }

  #take(memory: number): void {
    this.memory += memory;
    if (this.memory > this.#most) reject.memory();
  }

  /** Reads missing bytes as 0: the walk then ends as incomplete. */
  #numberAt(at: number, width: number): number {
    const bytes = this.#bytes;
    let number = 0;
    for (let index = at; index < at + width; index++) number = number * 256 + (bytes[index] ?? 0);
    return number;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
