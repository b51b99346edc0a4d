import { AssertionError } from "./assertion_error.ts";
import { difference, ending, format } from "./message.ts";

/** Claims that two values are one and the same, as `Object.is` sees it. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(explain(actual, expected, ending(msg)));
}

function explain(actual: unknown, expected: unknown, end: string): string {
  const text = format(actual);
  return text === format(expected)
    ? `Values look alike but are not the same object${end}\n${text}`
    : `Values are not strictly equal${end}\n${difference(actual, expected)}`;
}
