import type { Message } from "../../protocol/mod.ts";
import type { Delivery } from "../channel_layer.ts";
import type { MessagePacker } from "../messages/packer.ts";
import type { StoredBody } from "../store.ts";

/** A delivery that a mailbox can keep, and account for. */
export interface KeepableDelivery extends Delivery {
  /** Notes that a mailbox keeps it. Returns how many more bytes are kept because of that. */
  hold(): number;
  /** Notes that a mailbox no longer keeps it. Returns how many bytes fewer are kept. */
  release(): number;
}

/** A body that was taken from a store, not yet decoded. */
export class StoredDelivery implements KeepableDelivery {
  readonly channel: string;
  readonly body: StoredBody;
  readonly #expiry: number;
  readonly #packer: MessagePacker;

  constructor(channel: string, body: StoredBody, expiry: number, form: MessagePacker) {
    this.channel = channel;
    this.body = body;
    this.#expiry = expiry;
    this.#packer = form;
  }

  get expiresAt(): number {
    return this.body.sentAt + this.#expiry;
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
   * Returns a delivery for each process-local channel that the message is for.
   *
   * @throws {UndecodableMessageError} If it is no message, or does not name its channels.
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
  /** How many mailboxes keep it. */
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

/** A small view keeps all of its buffer in memory, which can be a whole chunk from a socket. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
}
