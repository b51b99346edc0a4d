import * as ours from "../../errors.ts";
import { StopConsumer } from "../stop_consumer.ts";

/** What was thrown, in a form that can go from one thread to another. */
export type PackedError = { readonly thrown: unknown } | {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PackedError | undefined;
  /** Its own properties, where they can travel. */
  readonly properties: Readonly<Record<string, unknown>>;
};

/** The classes that an error is of on the other side as well, by their names. */
const CLASSES = new Map<unknown, { readonly prototype: Error }>(
  [...Object.values(ours), StopConsumer, EvalError, RangeError, SyntaxError, TypeError, URIError]
    .map((errorClass) => [errorClass.name, errorClass]),
);
// No handler can say that the server has stopped.
CLASSES.delete(ours.ServerStoppedError.name);

/** How far the causes of an error are followed. */
const MOST_CAUSES = 8;

/** How many characters of a text, and how many properties, are taken over. */
const MOST_CHARACTERS = 16_384;
const MOST_PROPERTIES = 64;

/** Makes something that was thrown fit to travel: anything, also what throws when it is looked at. */
export function packError(error: unknown): PackedError {
  try {
    return pack(error, MOST_CAUSES);
  } catch {
    return { thrown: "What was thrown can't be looked at" };
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

/** What needn't be among the properties. */
const PACKED = { name: 0, message: 0, stack: 0, cause: 0 };

/** What an error has from its class, and must keep. */
const INHERITED = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.keys(PACKED),
]);

/**
 * Makes it what it was: an error of the same name, message and stack, and where we know it, class.
 *
 * @param packed Data that another thread may have forged: nothing in it is trusted.
 */
export function unpackError(packed: unknown, causes = MOST_CAUSES): unknown {
  const { thrown, name, message, stack, cause, properties } = fieldsOf(packed);
  if (Object.hasOwn(fieldsOf(packed), "thrown")) return thrown;
  const options = fieldsOf(cause) === NOTHING || causes === 0
    ? undefined
    : { cause: unpackError(cause, causes - 1) };
  const error = new Error(textOf(message), options);
  Object.setPrototypeOf(error, CLASSES.get(name)?.prototype ?? Error.prototype);
  for (const [key, value] of Object.entries(fieldsOf(properties)).slice(0, MOST_PROPERTIES)) {
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
  return typeof value === "string" ? value.slice(0, MOST_CHARACTERS) : "";
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
