/**
 * Threads for the consumers and the command line. The package does not export it.
 *
 * @module
 */
export { type PackedError, packError, unpackError } from "./packed_error.ts";
export { enterThread, startThread, type Thread, type ThreadStart } from "./thread.ts";
