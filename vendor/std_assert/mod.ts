/**
 * A stand-in for the part of `@std/assert` that this project's tests use.
 *
 * @module
 */

export * from "./assert.ts";
export * from "./assertion_error.ts";
export * from "./compare.ts";
export * from "./equal.ts";
export * from "./equals.ts";
export * from "./exists.ts";
export * from "./fail.ts";
export * from "./instance_of.ts";
export * from "./rejects.ts";
export * from "./strict_equals.ts";
export * from "./text.ts";
export * from "./throws.ts";
