import type { Message } from "../../protocol/mod.ts";
import type { Delivery } from "../channel_layer.ts";
import type { MessagePacker } from "../messages/packer.ts";
import type { StoredBody } from "../store.ts";

/** A delivery that a mailbox can keep, and whose memory it can account for. */
export interface KeepableDelivery extends Delivery {
  /** Notes that a mailbox keeps the delivery. Returns how many bytes that adds. */
  hold(): number;
  /** Notes that a mailbox no longer keeps the delivery. Returns how many bytes that frees. */
  release(): number;
}

/** A body that was taken from a store, not yet decoded. */
export class StoredDelivery implements KeepableDelivery {
  readonly channel: string;
  readonly body: StoredBody;
  readonly #packer: MessagePacker;

  constructor(channel: string, body: StoredBody, packer: MessagePacker) {
    this.channel = channel;
    this.body = body;
    this.#packer = packer;
  }

  get expiresAt(): number {
    return this.body.expiresAt;
  }

  read(): Message {
    return this.#packer.open(this.body.bytes);
  }

  hold(): number {
    return this.body.bytes.length;
  }

  release(): number {
    return this.body.bytes.length;
  }

  /**
   * Returns a delivery for each process-local channel that the message is addressed to.
   *
   * @throws {UndecodableMessageError} If the body is not a message, or has no valid address.
   */
  split(): LocalDelivery[] {
    const { expiresAt } = this;
    const bytes = compact(this.body.bytes);
    const { channels, read } = this.#packer.openLocal(this.channel, bytes);
    const content = { read, size: bytes.length, holders: 0 };
    return channels.map((channel) => new LocalDelivery(channel, expiresAt, content));
  }
}

/** A message that several process-local channels may share. */
interface Content {
  readonly read: () => Message;
  readonly size: number;
  /** How many mailboxes keep the message. */
  holders: number;
}

/** A message for one process-local channel. */
export class LocalDelivery implements KeepableDelivery {
  readonly channel: string;
  readonly expiresAt: number;
  readonly #content: Content;

  constructor(channel: string, expiresAt: number, content: Content) {
    this.channel = channel;
    this.expiresAt = expiresAt;
    this.#content = content;
  }

  read(): Message {
    return this.#content.read();
  }

  hold(): number {
    return this.#content.holders++ === 0 ? this.#content.size : 0;
  }

  release(): number {
    return --this.#content.holders === 0 ? this.#content.size : 0;
  }
}

/** Copies a small view: it would keep all of its buffer in memory, such as a chunk of a socket. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
}
