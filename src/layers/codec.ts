import type { Message } from "../protocol/mod.ts";

/** Turns messages into the bytes that a layer carries, and back. */
export interface MessageCodec {
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
