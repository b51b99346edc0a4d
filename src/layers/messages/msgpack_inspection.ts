import { UndecodableMessageError } from "../../errors.ts";
import { COST, MAX_DEPTH, MOST_MEMORY, refuse } from "./limits.ts";

/** What has to be known of a message before it is decoded. */
export interface Inspection {
  /** Whether it holds an integer that a number can't hold. */
  readonly hasBigInt: boolean;
  /** Whether it holds a key that the decoder refuses, or reads wrongly. */
  readonly hasAwkwardKey: boolean;
  /** Where texts are that begin with a byte order mark, which the decoder loses: their heads. */
  readonly marked: readonly number[];
}

/**
 * Looks at the heads of a message's values, without building any of them: the decoder makes room for
 * an array as soon as it has read its length, so that a few bytes could take all the memory there is.
 *
 * @throws {UndecodableMessageError} If the bytes can't hold what they say, are more than they say, are
 * nested too deeply, or would take too much memory.
 */
export function inspect(bytes: Uint8Array): Inspection {
  const walk = new Walk(bytes, MOST_MEMORY);
  walk.run();
  return walk;
}

/** Returns about how much memory the values take that a message was encoded from, in bytes. */
export function memoryOf(bytes: Uint8Array): number {
  const walk = new Walk(bytes, Infinity);
  walk.run();
  return walk.memory;
}

/** What a head is the head of. */
const PLAIN = 0;
const TEXT = 1;
const BYTES = 2;
const UNSIGNED = 3;
const SIGNED = 4;
const ARRAY = 5;
const MAP = 6;

/** By its head: the kind of a value; its size in bytes, without what its length says; the width of that. */
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
  // An extension says its type, too; none is supported, which the decoder says.
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

/** A text that short has its length in its head, and keeps its byte order mark. */
const LONGEST_SHORT_TEXT = 31;

const FORBIDDEN = [..."__proto__"].map((character) => character.charCodeAt(0));

/** How many values are still to come on each level; one walk is under way at a time. */
const left = new Float64Array(MAX_DEPTH + 2);
/** Whether a level is a map: 1, or 2 when one of its keys is a number. */
const isMap = new Uint8Array(MAX_DEPTH + 2);

class Walk implements Inspection {
  hasBigInt = false;
  hasAwkwardKey = false;
  readonly marked: number[] = [];
  memory = 0;
  readonly #bytes: Uint8Array;
  readonly #most: number;
  #level = 0;
  /** How many values are still to come, on all levels: each takes a byte at least. */
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
      if (at >= length) throw new UndecodableMessageError({ reason: "it ends too early" });
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
      reason: at > length ? "it ends too early" : "more follows after it",
    });
  }

  /** Returns the place of what follows. */
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
      throw new UndecodableMessageError({ reason: "it says that it is longer than it is" });
    }
    this.#take(map ? COST.object + COST.entry * count : COST.array + COST.place * count);
    if (++this.#level > MAX_DEPTH + 1) refuse.depth();
    left[this.#level] = values;
    isMap[this.#level] = map ? 1 : 0;
  }

  #visitText(head: number, start: number, end: number): void {
    const bytes = this.#bytes;
    // What is left on the level has been counted down already: an odd number stands before a value.
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
    if (this.memory > this.#most) refuse.memory();
  }

  /** Where the bytes end too early, the walk does, too. */
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
