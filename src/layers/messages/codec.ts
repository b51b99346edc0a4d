import { UndecodableMessageError } from "../../errors/mod.ts";
import { quoted } from "../../printable.ts";
import type { Message } from "../../protocol/mod.ts";

/** Encodes and decodes messages. */
export interface MessageCodec {
  /** Whether a message may contain a `Uint8Array`. */
  readonly carriesBytes: boolean;

  /**
   * Encodes a message.
   *
   * @param message The message; its values have been checked.
   * @param exact Whether the message contains a `bigint` or `-0`, which need an exact encoding.
   * @returns The encoded message.
   */
  encode(message: object, exact: boolean): Uint8Array;

  /**
   * Decodes a message from untrusted bytes.
   *
   * @param bytes The encoded message.
   * @returns The message.
   * @throws {UndecodableMessageError} If the bytes are not a valid message.
   */
  decode(bytes: Uint8Array): Message;
}

/** Encrypts and decrypts encoded messages. */
export interface Cipher {
  /** Encrypts an encoded message. */
  encrypt(bytes: Uint8Array): Uint8Array;

  /**
   * Decrypts untrusted bytes.
   *
   * @param bytes The encrypted message.
   * @returns The encoded message.
   * @throws {UndecodableMessageError} If the bytes were not encrypted with a known key, or are too old.
   */
  decrypt(bytes: Uint8Array): Uint8Array;
}

/** The maximum encoded size of a message that is sent, in bytes. */
export const MAX_SENT_BYTES = 1_048_576;

/**
 * The maximum encoded size of a message that is received, in bytes. Other implementations may send
 * more than this library does, and a message to a group contains the names of channels.
 */
export const MAX_RECEIVED_BYTES = 4 * 1_048_576;

/** The maximum memory that the values of a message may take, in bytes. */
export const MAX_MEMORY = 10 * MAX_RECEIVED_BYTES;

/** The maximum nesting depth of a message; that of Python's packer is a little higher. */
export const MAX_DEPTH = 500;

/**
 * The memory that a value takes in V8, in bytes, in addition to its characters or bytes: measured, and
 * rounded up. An empty object takes 64 times its encoded size.
 */
export const COST = {
  /** A reference in an array or object; a number needs nothing else. */
  reference: 8,
  array: 48,
  object: 56,
  /** A key and its value. */
  entry: 56,
  /** The table that an object needs as soon as one of its keys is a number. */
  numericKeys: 200,
  text: 24,
  bytes: 104,
  bigint: 24,
  /** A number of JSON that is read as a text first. */
  special: 256,
} as const;

/** Rejects a message that exceeds a limit, before anything is built from it. */
export const reject = {
  depth(): never {
    throw new UndecodableMessageError({ reason: `nested in more than ${MAX_DEPTH} levels` });
  },
  memory(): never {
    const limit = MAX_MEMORY / 1_048_576;
    throw new UndecodableMessageError({
      reason: `its values would take more than ${limit} MiB of memory`,
    });
  },
};

/** @throws {UndecodableMessageError} If a received message exceeds a limit, in bytes. */
export function checkReceivedSize(size: number, limit: number): void {
  if (size <= limit) return;
  const reason = `it has ${size} bytes, and at most ${limit} are decoded`;
  throw new UndecodableMessageError({ reason });
}

/** @throws {UndecodableMessageError} If a decoded value is not a message. */
export function checkShape(value: unknown): Message {
  const what = value instanceof Uint8Array
    ? "bytes"
    : Array.isArray(value)
    ? "an array"
    : typeof value === "string"
    ? `the text ${quoted(value)}`
    : typeof value !== "object" || value === null
    ? `${value}`
    : undefined;
  if (what) throw new UndecodableMessageError({ reason: `it must be a map, got ${what}` });
  return value as Message;
}
