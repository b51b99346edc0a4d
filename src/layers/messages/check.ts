import { printable, quoted } from "../../printable.ts";
import { MAX_DEPTH } from "./codec.ts";

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * Checks that a message contains only supported values.
 *
 * @param message The value to send.
 * @param carriesBytes Whether a `Uint8Array` is supported.
 * @returns Whether the message contains a value that needs the exact encoding: a `bigint` or `-0`.
 * @throws {TypeError} If a value is not supported; the message starts with the path to it.
 */
export function checkMessage(message: unknown, carriesBytes: boolean): boolean {
  const inspection = new Inspection(carriesBytes);
  if (!isPlainObject(message)) {
    inspection.reject(`${describe(message)}: a message must be a plain object`);
  }
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
        if (!value.isWellFormed()) this.reject("contains a lone surrogate");
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
        this.reject(describe(value));
    }
  }

  visitObject(object: Record<string, unknown>): void {
    if (Object.getOwnPropertySymbols(object).length > 0) this.reject("has a symbol as key");
    for (const key of Object.keys(object)) {
      if (!key.isWellFormed()) this.reject("has a key with a lone surrogate");
      // Omitted by the encoder, as in JSON.
      if (object[key] !== undefined) this.#visitAt(key, object[key]);
    }
  }

  reject(problem: string): never {
    throw new TypeError(`Cannot send this event: ${formatPath(this.#path)} ${problem}`);
  }

  #visitNumber(value: number): void {
    if (!Number.isFinite(value)) this.reject(`is ${value}: numbers must be finite`);
    if (value === 0 && Object.is(value, -0)) this.needsExact = true;
  }

  #visitBigInt(value: bigint): void {
    if (value < MIN_INT64 || value > MAX_INT64) {
      const isShort = BigInt.asIntN(128, value) === value;
      const digits = isShort ? `${value}n` : "a bigint of more than 64 bits";
      this.reject(`is ${digits}: integers go from -2^63 to 2^63 - 1; send it as a string`);
    }
    if (Number.isSafeInteger(Number(value))) {
      this.reject(`is the bigint ${value}n: send it as a number, since it is received as one`);
    }
    this.needsExact = true;
  }

  #visitContainer(value: object): void {
    if (value instanceof Uint8Array) return this.#visitBytes();
    if (Array.isArray(value)) return this.#visitArray(value);
    if (!isPlainObject(value)) this.reject(describe(value));
    this.visitObject(value as Record<string, unknown>);
  }

  #visitBytes(): void {
    if (!this.#carriesBytes) {
      this.reject(`is a Uint8Array: only the serializer "msgpack" supports it`);
    }
  }

  #visitArray(array: readonly unknown[]): void {
    for (let index = 0; index < array.length; index++) this.#visitAt(index, array[index]);
  }

  #visitAt(key: string | number, value: unknown): void {
    this.#path.push(key);
    if (this.#path.length > MAX_DEPTH) {
      this.reject(`is nested in more than ${MAX_DEPTH} levels, or in itself`);
    }
    this.visit(value);
    this.#path.pop();
  }
}

/** Returns whether a value is a plain object, of this realm or another. */
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
  const remedy = REMEDIES.get(name);
  return `is ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}${remedy ? `; send ${remedy}` : ""}`;
}

/** What to send instead of an instance of a class. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["ArrayBuffer", "a Uint8Array"],
  ["Date", "a string or a number"],
  ["Error", "its message"],
  ["Map", "an object"],
  ["Promise", "what it resolves with"],
  ["Set", "an array"],
  ["URL", "its href"],
]);

function nameOfClass(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === "string" ? printable(name, 100) : "";
}

const MAX_PATH = 20;

/** Formats a path as in JSONPath, `$.files[2].date`, without the middle of a very long one. */
function formatPath(path: readonly (string | number)[]): string {
  const steps = path.map((key) =>
    typeof key === "number"
      ? `[${key}]`
      : /^[A-Za-z_$][\w$]{0,99}$/.test(key)
      ? `.${key}`
      : `[${quoted(key)}]`
  );
  if (steps.length > MAX_PATH) steps.splice(10, steps.length - MAX_PATH, "...");
  return "$" + steps.join("");
}
