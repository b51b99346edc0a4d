import { AssertionError } from "./assertion_error.ts";
import { checkError, type ErrorConstructorOf, readClaim } from "./error_claim.ts";
import { ending } from "./message.ts";

/** Claims that `fn` throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Claims that `fn` throws an `ErrorClass`, with `msgIncludes` in its text. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  classOrMsg?: ErrorConstructorOf<E> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const claim = readClaim(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    checkError(error, claim);
    return error;
  }
  throw new AssertionError(`Expected function to throw${ending(claim.msg)}`);
}
