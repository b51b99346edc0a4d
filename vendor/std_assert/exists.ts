import { AssertionError } from "./assertion_error.ts";
import { ending } from "./message.ts";

/** Claims that `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected a value, got ${actual}${ending(msg)}`);
}
