import * as errors from "../errors/mod.ts";

/** A thrown value, in a form that can be sent to another thread. */
export type PackedError = { readonly thrown: unknown } | {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PackedError | undefined;
  /** Its own properties, where they can be sent. */
  readonly properties: Readonly<Record<string, unknown>>;
};

type ErrorClass = { readonly name: string; readonly prototype: Error };

/** The classes that an unpacked error can have, by name. */
const CLASSES: ReadonlyMap<unknown, ErrorClass> = new Map(
  [...Object.values(errors), EvalError, RangeError, SyntaxError, TypeError, URIError]
    // No handler can tell the program that its server has stopped.
    .filter((errorClass) => errorClass !== errors.ServerStoppedError)
    .map((errorClass) => [errorClass.name, errorClass]),
);

/** How many causes of an error are kept. */
const MAX_CAUSES = 8;

/** How many characters of a text, and how many properties, are kept. */
const MAX_CHARACTERS = 16_384;
const MAX_PROPERTIES = 64;

/** Returns a thrown value in a form that can be sent: any value, even one whose getters throw. */
export function packError(error: unknown): PackedError {
  try {
    return pack(error, MAX_CAUSES);
  } catch {
    return { thrown: "The thrown value cannot be inspected" };
  }
}

function pack(error: unknown, causes: number): PackedError {
  if (!(error instanceof Error)) return { thrown: isCloneable(error) ? error : String(error) };
  const { name, message, stack, cause } = error;
  return {
    name: String(name),
    message: String(message),
    stack: stack === undefined ? undefined : String(stack),
    cause: cause === undefined || causes === 0 ? undefined : pack(cause, causes - 1),
    properties: Object.fromEntries(
      Object.entries(error).filter(([key, value]) => !(key in PACKED) && isCloneable(value)),
    ),
  };
}

/** What need not be among the properties. */
const PACKED = { name: 0, message: 0, stack: 0, cause: 0 };

/** What an error inherits from its class, and must keep. */
const INHERITED = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.keys(PACKED),
]);

/**
 * Restores a packed error: name, message, stack, cause, properties and, if it is known, the class.
 *
 * @param packed Data that another thread may have forged: nothing in it is trusted.
 * @param extra Classes that it may have besides those of JavaScript and of `errors.ts`.
 */
export function unpackError(packed: unknown, ...extra: readonly ErrorClass[]): unknown {
  return unpack(packed, extra, MAX_CAUSES);
}

function unpack(packed: unknown, extra: readonly ErrorClass[], causes: number): unknown {
  const { thrown, name, message, stack, cause, properties } = fieldsOf(packed);
  if (Object.hasOwn(fieldsOf(packed), "thrown")) return thrown;
  const options = fieldsOf(cause) === NOTHING || causes === 0
    ? undefined
    : { cause: unpack(cause, extra, causes - 1) };
  const error = new Error(textOf(message), options);
  const errorClass = CLASSES.get(name) ?? extra.find((other) => other.name === name) ?? Error;
  Object.setPrototypeOf(error, errorClass.prototype);
  for (const [key, value] of Object.entries(fieldsOf(properties)).slice(0, MAX_PROPERTIES)) {
    if (!INHERITED.has(key)) define(error, key, value, true);
  }
  if (error.name !== name) define(error, "name", textOf(name));
  define(error, "stack", stack === undefined ? undefined : textOf(stack));
  return error;
}

const NOTHING: Readonly<Record<string, unknown>> = {};

function fieldsOf(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null ? data as Record<string, unknown> : NOTHING;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_CHARACTERS) : "";
}

function define(error: Error, key: string, value: unknown, enumerable = false): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable });
}

/** Kept before any handler runs. */
const clone = structuredClone;

function isCloneable(value: unknown): boolean {
  try {
    clone(value);
    return true;
  } catch {
    return false;
  }
}
