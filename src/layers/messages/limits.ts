import { UndecodableMessageError } from "../../errors.ts";

/** How large a message that is sent may be, encoded, in bytes. */
export const LARGEST_MESSAGE = 1_048_576;

/**
 * How large a message that arrives may be, encoded, in bytes: peers may send more than this library
 * does, and a message to a group names the channels that it is for.
 */
export const LARGEST_ARRIVAL = 4 * 1_048_576;

/** How much memory the values of a message may take, in bytes. */
export const MOST_MEMORY = 10 * LARGEST_ARRIVAL;

/** How deeply arrays and objects may be nested in a message; Python's packer stops a little later. */
export const MAX_DEPTH = 500;

/**
 * What a value takes in V8's memory, in bytes, besides its text or its bytes: measured, and rounded
 * up. An empty object of one byte on the wire takes 64 times that.
 */
export const COST = {
  /** Its place in what holds it; a number needs no more. */
  place: 8,
  array: 48,
  object: 56,
  /** A key and its value. */
  entry: 56,
  /** What an object takes more as soon as a key is a number: it then keeps a table of these. */
  numericKeys: 200,
  text: 24,
  bytes: 104,
  bigint: 24,
  /** A number of JSON that is written as a text first. */
  special: 256,
} as const;

/** How a limit is passed: before anything is built, so that a message costs no more than its bytes. */
export const refuse = {
  depth(): never {
    throw new UndecodableMessageError({ reason: `nested in more than ${MAX_DEPTH} levels` });
  },
  memory(): never {
    const limit = MOST_MEMORY / 1_048_576;
    throw new UndecodableMessageError({
      reason: `its values would take more than ${limit} MiB of memory`,
    });
  },
};

/** @throws {UndecodableMessageError} If a message that arrived is too large. */
export function checkArrival(size: number, limit: number): void {
  if (size <= limit) return;
  const reason = `it has ${size} bytes, and at most ${limit} are decoded`;
  throw new UndecodableMessageError({ reason });
}
