import { stripVTControlCharacters } from "node:util";
import { AssertionError } from "./assertion_error.ts";
import { ending } from "./message.ts";

/** A class of errors, whatever its constructor takes. */
export type ErrorConstructorOf<E extends Error> = abstract new (
  ...args: never[]
) => E;

/** What a caller claims about the error that a function ends with. */
export interface ErrorClaim<E extends Error> {
  ErrorClass?: ErrorConstructorOf<E>;
  includes?: string | undefined;
  msg?: string | undefined;
}

/** Reads the arguments of both overloads: a message, or class and text. */
export function readClaim<E extends Error>(
  classOrMsg: ErrorConstructorOf<E> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): ErrorClaim<E> {
  if (typeof classOrMsg === "string") return { msg: classOrMsg };
  if (classOrMsg === undefined) return { msg };
  return { ErrorClass: classOrMsg, includes, msg };
}

/** Checks a thrown value against the claim, if it names a class at all. */
export function checkError<E extends Error>(
  error: unknown,
  { ErrorClass, includes, msg }: ErrorClaim<E>,
): void {
  if (!ErrorClass) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was thrown${ending(msg)}`);
  }
  checkClass(error, ErrorClass, msg);
  if (includes) checkMessage(error, includes, msg);
}

function checkClass<E extends Error>(
  error: Error,
  ErrorClass: ErrorConstructorOf<E>,
  msg?: string,
): void {
  if (error instanceof ErrorClass) return;
  throw new AssertionError(
    `Expected an instance of "${ErrorClass.name}", ` +
      `got "${error.constructor?.name}" (${error.message})${ending(msg)}`,
    { cause: error },
  );
}

function checkMessage(error: Error, includes: string, msg?: string): void {
  const message = stripVTControlCharacters(error.message);
  if (message.includes(stripVTControlCharacters(includes))) return;
  throw new AssertionError(
    `Expected an error message with ${JSON.stringify(includes)}, ` +
      `got ${JSON.stringify(error.message)}${ending(msg)}`,
    { cause: error },
  );
}
