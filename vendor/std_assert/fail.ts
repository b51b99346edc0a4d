import { AssertionError } from "./assertion_error.ts";
import { ending } from "./message.ts";

/** Fails at once: for a line that a test must not reach. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${ending(msg)}`);
}
