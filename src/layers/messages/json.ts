import { UndecodableMessageError } from "../../errors/mod.ts";
import { printable, quoted } from "../../printable.ts";
import { checkShape, COST, MAX_DEPTH, MAX_MEMORY, type MessageCodec, reject } from "./codec.ts";

/** The type declarations lack `JSON.rawJSON()`. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The JSON codec, compatible with Python's `json`: it preserves 64-bit integers and `-0`, and decodes
 * `NaN` and `Infinity`, although they are not valid JSON.
 */
export const jsonCodec: MessageCodec = {
  carriesBytes: false,
  encode: (message) => new TextEncoder().encode(unmarked(JSON.stringify(message, writeExactly))),
  decode(bytes) {
    try {
      return checkShape(parse(utf8.decode(bytes)));
    } catch (error) {
      if (error instanceof UndecodableMessageError) throw error;
      const reason = printable(error instanceof Error ? error.message : String(error), 200);
      throw new UndecodableMessageError({ reason: `no valid JSON (${reason})`, cause: error });
    }
  },
};

function writeExactly(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return rawJSON(String(value));
  if (typeof value !== "number" || Number.isSafeInteger(value) && !Object.is(value, -0)) {
    return value;
  }
  if (Object.is(value, -0)) return rawJSON("-0.0");
  if (!Number.isFinite(value)) return MARK + value;
  // In digits only, others would read it as an integer.
  return Number.isInteger(value) ? rawJSON(value.toExponential()) : value;
}

/**
 * The prefix of a text that stands for a number; it is random, so that no message contains it. (A
 * reviver also gets the source of each value, but takes a hundred times the text's memory.)
 */
const MARK = `${crypto.randomUUID().slice(-12)}:`;
const MARKED_WORD = new RegExp(`"${MARK}(NaN|-?Infinity)"`, "g");

/** Writes `NaN` and infinities, which only received messages contain; they are encoded to be copied. */
function unmarked(text: string): string {
  return text.includes(MARK) ? text.replaceAll(MARKED_WORD, "$1") : text;
}

function parse(text: string): unknown {
  const scan = new Scan(text);
  scan.run();
  if (scan.special.length === 0) return JSON.parse(text);
  return restore(JSON.parse(markSpecial(text, scan.special)));
}

/** Replaces numbers that `JSON.parse()` rejects or rounds with texts. */
function markSpecial(text: string, special: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (let index = 0; index < special.length; index += 2) {
    const [start, end] = [special[index]!, special[index + 1]!];
    parts.push(text.slice(from, start), `"${MARK}${text.slice(start, end)}"`);
    from = end;
  }
  return parts.join("") + text.slice(from);
}

/** Replaces the texts that stand for numbers with these. */
function restore(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(MARK) ? numberOf(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) return restoreObject(value as Record<string, unknown>);
  for (let index = 0; index < value.length; index++) value[index] = restore(value[index]);
  return value;
}

function restoreObject(object: Record<string, unknown>): unknown {
  for (const key of Object.keys(object)) {
    if (key.startsWith(MARK)) {
      throw new UndecodableMessageError({ reason: "no valid JSON: a number is a key" });
    }
    object[key] = restore(object[key]);
  }
  return object;
}

function numberOf(marked: string): number | bigint {
  const literal = marked.slice(MARK.length);
  return /\d/.test(literal) ? BigInt(literal) : Number(literal);
}

/** The maximum length of a 64-bit integer, with its sign. */
const LONGEST_INTEGER = 20;

/** The minimum length of an integer that a number may not represent exactly. */
const LONG_INTEGER = 16;

/**
 * Scans a text once, character by character, before anything is built from it: checks its depth and
 * memory, and finds the numbers that `JSON.parse()` rejects or rounds.
 */
class Scan {
  /** The start and end of each of these numbers. */
  readonly special: number[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #memory = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): void {
    const { length } = this.#text;
    while (this.#at < length) this.#step(this.#text.charCodeAt(this.#at));
  }

  #step(code: number): void {
    if (code === QUOTE) return this.#skipText();
    if (isNumberStart(code)) return this.#visitNumber();
    this.#at++;
    if (code === COMMA) this.#take(COST.reference);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) this.#enter();
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) this.#depth--;
  }

  #enter(): void {
    this.#take(COST.object + COST.reference);
    if (++this.#depth > MAX_DEPTH + 1) reject.depth();
  }

  /** Skips to the character after the closing quotation mark, in linear time. */
  #skipText(): void {
    const text = this.#text;
    const start = this.#at;
    let end = text.indexOf('"', start + 1);
    while (end !== -1 && this.#isEscaped(end)) end = text.indexOf('"', end + 1);
    this.#at = end === -1 ? text.length : end + 1;
    this.#take(COST.text + this.#at - start);
    if (isDigit(text.charCodeAt(start + 1)) && !this.#isFollowedByValue()) {
      this.#take(COST.numericKeys);
    }
  }

  /** Returns whether a text is certainly not a key. */
  #isFollowedByValue(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    return code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT;
  }

  /** Returns whether an odd number of backslashes precedes a quotation mark. */
  #isEscaped(quote: number): boolean {
    let at = quote;
    while (this.#text.charCodeAt(at - 1) === BACKSLASH) at--;
    return (quote - at) % 2 === 1;
  }

  #visitNumber(): void {
    const text = this.#text;
    const start = this.#at;
    let isInteger = true;
    for (; isNumberPart(text.charCodeAt(this.#at)); this.#at++) {
      const code = text.charCodeAt(this.#at);
      if (code === POINT || code === SMALL_E || code === LARGE_E) isInteger = false;
    }
    if (this.#visitWord(start)) return;
    if (this.#at === start) this.#at++;
    else if (isInteger && this.#at - start >= LONG_INTEGER) {
      this.#visitInteger(text.slice(start, this.#at), start);
    }
  }

  /** Notes `NaN`, `Infinity` and `-Infinity`, as Python writes them. */
  #visitWord(start: number): boolean {
    for (const word of ["NaN", "Infinity", "-Infinity"]) {
      if (!this.#text.startsWith(word, start)) continue;
      this.#at = start + word.length;
      this.#note(start, word);
      return true;
    }
    return false;
  }

  /** Leaves invalid integers, such as one that starts with 0, to `JSON.parse()`. */
  #visitInteger(literal: string, at: number): void {
    if (Number.isSafeInteger(Number(literal)) || !/^-?[1-9]\d*$/.test(literal)) return;
    if (literal.length > LONGEST_INTEGER || !fits(BigInt(literal))) {
      throw new UndecodableMessageError({
        reason: `${quoted(literal)} is an integer of more than 64 bits`,
      });
    }
    this.#note(at, literal);
  }

  #note(at: number, literal: string): void {
    this.#take(COST.special);
    this.special.push(at, at + literal.length);
  }

  #take(memory: number): void {
    this.#memory += memory;
    if (this.#memory > MAX_MEMORY) reject.memory();
  }
}

function fits(integer: bigint): boolean {
  return BigInt.asIntN(64, integer) === integer || BigInt.asUintN(64, integer) === integer;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const SMALL_E = 0x65;
const LARGE_E = 0x45;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** `NaN` and `Infinity` start with an `N` or an `I`. */
function isNumberStart(code: number): boolean {
  return isDigit(code) || code === MINUS || code === 0x4e || code === 0x49;
}

function isNumberPart(code: number): boolean {
  return isDigit(code) || code === POINT || code === MINUS || code === PLUS || code === SMALL_E ||
    code === LARGE_E;
}
