import { AssertionError } from "./assertion_error.ts";

/** Claims that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}
