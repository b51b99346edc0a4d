import { AssertionError } from "./assertion_error.ts";
import { format } from "./message.ts";

/** Claims that `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  claim(actual > expected, [actual, ">", expected], msg);
}

/** Claims that `actual >= expected`. */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  claim(actual >= expected, [actual, ">=", expected], msg);
}

/** Claims that `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  claim(actual < expected, [actual, "<", expected], msg);
}

/** Claims that `actual <= expected`. */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  claim(actual <= expected, [actual, "<=", expected], msg);
}

/** Here `msg` takes the place of the whole message. */
function claim(
  holds: boolean,
  [actual, sign, expected]: [unknown, string, unknown],
  msg?: string,
): void {
  if (holds) return;
  throw new AssertionError(
    msg ?? `Expected ${format(actual)} ${sign} ${format(expected)}`,
  );
}
