import { UndecodableMessageError } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import type { Message } from "../../protocol/mod.ts";

/** Turns messages into the bytes that a layer carries, and back. */
export interface MessageCodec {
  /** Whether a message may hold bytes. */
  readonly carriesBytes: boolean;

  /**
   * Encodes a message that has been checked.
   *
   * @param message The message.
   * @param exact Whether it holds a `bigint` or a `-0`.
   */
  encode(message: object, exact: boolean): Uint8Array;

  /**
   * Decodes what came over the wire, which may be anything.
   *
   * @throws {UndecodableMessageError} When the bytes are no message.
   */
  decode(bytes: Uint8Array): Message;
}

/** Makes bytes unreadable for others, and readable again. */
export interface Cipher {
  /** Encrypts bytes. */
  encrypt(bytes: Uint8Array): Uint8Array;

  /**
   * Decrypts what came over the wire, which may be anything.
   *
   * @throws {UndecodableMessageError} When it wasn't encrypted with a key that is known, or too long ago.
   */
  decrypt(bytes: Uint8Array): Uint8Array;
}

/** @throws {UndecodableMessageError} When a decoded value is no message. */
export function checkShape(value: unknown): Message {
  const what = value instanceof Uint8Array
    ? "bytes are"
    : Array.isArray(value)
    ? "an array is"
    : typeof value === "string"
    ? `the text ${quoted(value)} is`
    : typeof value !== "object" || value === null
    ? `${value} is`
    : undefined;
  if (what) throw new UndecodableMessageError({ reason: `${what} no map` });
  return value as Message;
}
