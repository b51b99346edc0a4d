import { AssertionError } from "./assertion_error.ts";
import { checkError, type ErrorConstructorOf, readClaim } from "./error_claim.ts";
import { ending } from "./message.ts";

/** Claims that the promise from `fn` rejects; resolves to the reason. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** Claims that it rejects with an `ErrorClass`, `msgIncludes` in its text. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorConstructorOf<E> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const claim = readClaim(classOrMsg, msgIncludes, msg);
  const promise = start(fn, claim.msg);
  try {
    await promise;
  } catch (error) {
    checkError(error, claim);
    return error;
  }
  throw new AssertionError(`Expected function to reject${ending(claim.msg)}`);
}

/** Calls `fn`, which has to return a promise rather than throw. */
function start(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): PromiseLike<unknown> {
  try {
    const promise = fn();
    if (isPromiseLike(promise)) return promise;
  } catch (cause) {
    throw new AssertionError(notAsync(msg), { cause });
  }
  throw new AssertionError(notAsync(msg));
}

function isPromiseLike(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value &&
    typeof value.then === "function";
}

function notAsync(msg?: string): string {
  return `Function throws when expected to reject${ending(msg)}`;
}
