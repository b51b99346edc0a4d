import { AssertionError } from "./assertion_error.ts";
import { equal } from "./equal.ts";
import { difference, ending, format } from "./message.ts";

/** Claims that two values are deeply equal, as {@linkcode equal} sees it. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${ending(msg)}\n${difference(actual, expected)}`,
  );
}

/** Claims that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected a value unlike ${format(expected)}, got ${format(actual)}` +
      ending(msg),
  );
}
