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
const CLASSES = new Map<string, { readonly prototype: Error }>(
  [...Object.values(ours), StopConsumer, EvalError, RangeError, SyntaxError, TypeError, URIError]
    .map((errorClass) => [errorClass.name, errorClass]),
);

/** How far the causes of an error are followed. */
const MOST_CAUSES = 8;

/** Makes something that was thrown fit to travel. */
export function packError(error: unknown, causes = MOST_CAUSES): PackedError {
  if (!(error instanceof Error)) return { thrown: isCloneable(error) ? error : String(error) };
  const { name, message, stack, cause } = error;
  return {
    name: String(name),
    message: String(message),
    stack: stack === undefined ? undefined : String(stack),
    cause: cause === undefined || causes === 0 ? undefined : packError(cause, causes - 1),
    properties: Object.fromEntries(
      Object.entries(error).filter(([key, value]) => !(key in PACKED) && isCloneable(value)),
    ),
  };
}

/** What needn't be among the properties. */
const PACKED = { name: 0, message: 0, stack: 0, cause: 0 };

/** Makes it what it was: an error of the same name, message and stack, and where we know it, class. */
export function unpackError(packed: PackedError): unknown {
  if ("thrown" in packed) return packed.thrown;
  const { name, message, stack, cause, properties } = packed;
  const error = new Error(message, cause && { cause: unpackError(cause) });
  Object.setPrototypeOf(error, CLASSES.get(name)?.prototype ?? Error.prototype);
  Object.assign(error, properties);
  if (error.name !== name) define(error, "name", name);
  define(error, "stack", stack);
  return error;
}

function define(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true });
}

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
