import { UndecodableMessageError } from "../../errors.ts";
import { printable, quoted } from "../../printable.ts";
import { checkShape, type MessageCodec } from "./codec.ts";
import { COST, MAX_DEPTH, MOST_MEMORY, refuse } from "./limits.ts";

/** What the language has, and its type declarations don't tell yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * JSON as Python's `json` writes and reads it: integers of 64 bits and `-0` stay what they are, and
 * `NaN` and `Infinity` are read, although they are no JSON.
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
  // Written out in digits it would be an integer to others.
  return Number.isInteger(value) ? rawJSON(value.toExponential()) : value;
}

/**
 * What a text begins with that stands for a number: nobody outside of this process knows it. (A
 * reviver is told the source of each value as well, and takes a hundred times the text's memory.)
 */
const MARK = `${crypto.randomUUID().slice(-12)}:`;
const MARKED_WORD = new RegExp(`"${MARK}(NaN|-?Infinity)"`, "g");

/** Only a message that has arrived may hold what has no JSON, and is written again to be copied. */
function unmarked(text: string): string {
  return text.includes(MARK) ? text.replaceAll(MARKED_WORD, "$1") : text;
}

function parse(text: string): unknown {
  const scan = new Scan(text);
  scan.run();
  if (scan.special.length === 0) return JSON.parse(text);
  return restore(JSON.parse(markSpecial(text, scan.special)));
}

/** Writes numbers that `JSON.parse()` doesn't know, or rounds, as texts. */
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

/** Puts the numbers where texts stand for them. */
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

/** The longest integer of 64 bits, with its sign. */
const LONGEST_INTEGER = 20;

/** From how many characters on an integer may be one that a number can't hold. */
const LONG_INTEGER = 16;

/**
 * Looks at a text once, character by character, before anything is built from it: how deep it is, how
 * much memory it would take, and which of its numbers need care.
 */
class Scan {
  /** Where each of these begins and ends. */
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
    if (code === COMMA) this.#take(COST.place);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) this.#enter();
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) this.#depth--;
  }

  #enter(): void {
    this.#take(COST.object + COST.place);
    if (++this.#depth > MAX_DEPTH + 1) refuse.depth();
  }

  /** To behind the next quotation mark that no backslash stands before; each character is seen once. */
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

  /** What isn't followed by another value may be a key. */
  #isFollowedByValue(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    return code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT;
  }

  /** Whether an odd number of backslashes stands before a quotation mark. */
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

  /** Python writes `NaN`, `Infinity` and `-Infinity`. */
  #visitWord(start: number): boolean {
    for (const word of ["NaN", "Infinity", "-Infinity"]) {
      if (!this.#text.startsWith(word, start)) continue;
      this.#at = start + word.length;
      this.#note(start, word);
      return true;
    }
    return false;
  }

  /** What is no integer in JSON, such as one that begins with 0, is left to `JSON.parse()`. */
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
    if (this.#memory > MOST_MEMORY) refuse.memory();
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

/** The words begin with an `N` or an `I`. */
function isNumberStart(code: number): boolean {
  return isDigit(code) || code === MINUS || code === 0x4e || code === 0x49;
}

function isNumberPart(code: number): boolean {
  return isDigit(code) || code === POINT || code === MINUS || code === PLUS || code === SMALL_E ||
    code === LARGE_E;
}
