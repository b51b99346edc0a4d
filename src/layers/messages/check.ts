import { printable, quoted } from "../../printable.ts";
import { MAX_DEPTH } from "./limits.ts";

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Checks that everything in a message may travel.
 *
 * @param message What somebody wants to send.
 * @param carriesBytes Whether bytes may.
 * @returns Whether it holds a value that only the exact encoding keeps: a `bigint` or `-0`.
 * @throws {TypeError} That names the path to the first value that may not travel.
 */
export function checkMessage(message: unknown, carriesBytes: boolean): boolean {
  const inspection = new Inspection(carriesBytes);
  if (!isPlainObject(message)) inspection.refuse(`${describe(message)}: a message is an object`);
  inspection.visitObject(message as Record<string, unknown>);
  return inspection.needsExact;
}

class Inspection {
  needsExact = false;
  readonly #carriesBytes: boolean;
  readonly #path: (string | number)[] = [];

  constructor(carriesBytes: boolean) {
    this.#carriesBytes = carriesBytes;
  }

  visit(value: unknown): void {
    switch (typeof value) {
      case "string":
        if (!value.isWellFormed()) this.refuse("holds half of a surrogate pair");
        return;
      case "number":
        return this.#visitNumber(value);
      case "bigint":
        return this.#visitBigInt(value);
      case "boolean":
        return;
      case "object":
        if (value !== null) this.#visitContainer(value);
        return;
      default:
        this.refuse(describe(value));
    }
  }

  visitObject(object: Record<string, unknown>): void {
    if (Object.getOwnPropertySymbols(object).length > 0) this.refuse("has a symbol as key");
    for (const key of Object.keys(object)) {
      if (!key.isWellFormed()) this.refuse("has half of a surrogate pair in a key");
      this.#visitAt(key, object[key]);
    }
  }

  refuse(problem: string): never {
    throw new TypeError(`${formatPath(this.#path)} ${problem}`);
  }

  #visitNumber(value: number): void {
    if (!Number.isFinite(value)) this.refuse(`is ${value}: numbers must be finite`);
    if (value === 0 && Object.is(value, -0)) this.needsExact = true;
  }

  #visitBigInt(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_INT64) {
      const isShort = BigInt.asIntN(128, value) === value;
      const digits = isShort ? `${value}n` : "a bigint of more than 64 bits";
      this.refuse(`is ${digits}: integers go from -2^63 to 2^63 - 1; send it as a string`);
    }
    if (Number.isSafeInteger(Number(value))) {
      this.refuse(`is the bigint ${value}n: send it as a number, as which it is received`);
    }
    this.needsExact = true;
  }

  #visitContainer(value: object): void {
    if (value instanceof Uint8Array) return this.#visitBytes();
    if (Array.isArray(value)) return this.#visitArray(value);
    if (!isPlainObject(value)) this.refuse(describe(value));
    this.visitObject(value as Record<string, unknown>);
  }

  #visitBytes(): void {
    if (!this.#carriesBytes) this.refuse(`is a Uint8Array: only the serializer "msgpack" takes it`);
  }

  #visitArray(array: readonly unknown[]): void {
    for (let index = 0; index < array.length; index++) this.#visitAt(index, array[index]);
  }

  #visitAt(key: string | number, value: unknown): void {
    this.#path.push(key);
    if (this.#path.length > MAX_DEPTH) {
      this.refuse(`is nested in more than ${MAX_DEPTH} levels, or in itself`);
    }
    this.visit(value);
    this.#path.pop();
  }
}

/** Whether a value is an object literal, or what `JSON.parse()` or another realm makes of one. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ||
    Object.getPrototypeOf(prototype) === null;
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return `is ${value}`;
  if (typeof value !== "object") return `is a ${typeof value}`;
  const name = nameOfClass(value) || "class without a name";
  return `is ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

function nameOfClass(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" ? printable(name, 100) : "";
}

const LONGEST_PATH = 20;

/** Writes a path as in JSONPath, `$.files[2].date`; the middle of a very long one is left out. */
function formatPath(path: readonly (string | number)[]): string {
  const steps = path.map((key) =>
    typeof key === "number"
      ? `[${key}]`
      : /^[A-Za-z_$][\w$]{0,99}$/.test(key)
      ? `.${key}`
      : `[${quoted(key)}]`
  );
  if (steps.length > LONGEST_PATH) steps.splice(10, steps.length - LONGEST_PATH, "...");
  return "$" + steps.join("");
}
