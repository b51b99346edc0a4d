import { InvalidEventError } from "../errors/mod.ts";
import type { Message, StandardSchema, StandardSchemaIssue } from "../protocol/mod.ts";

/** How long an asynchronous schema may take, in milliseconds: an event must not block the next one. */
const TIMEOUT = 10_000;

/** How many issues of an event an error contains. */
const MAX_ISSUES = 20;

/**
 * Validates an event.
 *
 * @returns The output of the schema, or a promise of it if the schema is asynchronous.
 * @throws {InvalidEventError} If the event is invalid, or the schema does not settle within 10 s.
 */
export function validate(schema: StandardSchema, event: Message, consumer: string): unknown {
  const result = schema["~standard"].validate(event);
  return isPromise(result)
    ? validateInTime(result, event, consumer)
    : outputOf(result, event, consumer);
}

async function validateInTime(
  validation: PromiseLike<unknown>,
  event: Message,
  consumer: string,
): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = { path: "$", message: `the schema did not settle within ${TIMEOUT} ms` };
  const timer = setTimeout(
    () => reject(new InvalidEventError({ consumer, type: event.type, issues: [late] })),
    TIMEOUT,
  );
  try {
    return outputOf(await Promise.race([validation, promise]), event, consumer);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the output of a result; a schema comes from users, and may return anything. */
function outputOf(result: unknown, { type }: Message, consumer: string): unknown {
  const { issues, value } = Object(result) as {
    readonly issues?: readonly StandardSchemaIssue[];
    readonly value?: unknown;
  };
  if (!issues) return value;
  const described = Array.from(issues).slice(0, MAX_ISSUES).map(({ message, path = [] }) => ({
    message: String(message),
    path: `$${path.map(stepOf).join("")}`,
  }));
  throw new InvalidEventError({ consumer, type, issues: described });
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string {
  const key = typeof step === "object" ? step.key : step;
  return typeof key === "number" ? `[${key}]` : `.${String(key)}`;
}

/** Returns whether a value is a promise, of whatever library. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}
