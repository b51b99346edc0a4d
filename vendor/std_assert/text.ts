import { AssertionError } from "./assertion_error.ts";
import { ending } from "./message.ts";

/** Claims that the text `actual` matches the pattern `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected "${actual}" to match ${expected}${ending(msg)}`,
  );
}

/** Claims that the text `actual` contains the text `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected "${actual}" to contain "${expected}"${ending(msg)}`,
  );
}
