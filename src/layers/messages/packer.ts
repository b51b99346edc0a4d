import { MessageTooLargeError, UndecodableMessageError } from "../../errors/mod.ts";
import type { Message } from "../../protocol/mod.ts";
import { isProcessLocal, isValidChannelName, nonLocalName } from "../names.ts";
import { checkMessage } from "./check.ts";
import {
  checkReceivedSize,
  type Cipher,
  MAX_RECEIVED_BYTES,
  MAX_SENT_BYTES,
  type MessageCodec,
} from "./codec.ts";

/** The maximum size of an encrypted message, in bytes: a token is base64, with a header and a signature. */
const MAX_TOKEN_BYTES = Math.ceil(MAX_RECEIVED_BYTES / 3) * 4 + 200;

/** A message for process-local channels. */
export interface LocalMessage {
  readonly channels: readonly string[];
  /** Returns the message, as a new object for each channel. */
  readonly read: () => Message;
}

/** Checks, encodes, addresses and encrypts messages, and does the reverse. */
export class MessagePacker {
  readonly #codec: MessageCodec;
  readonly #cipher: Cipher | undefined;

  constructor(codec: MessageCodec, cipher: Cipher | undefined) {
    this.#codec = codec;
    this.#cipher = cipher;
  }

  /**
   * Packs a message for one channel.
   *
   * @throws {TypeError} If the message contains an unsupported value.
   * @throws {MessageTooLargeError} If the message is too large.
   */
  pack(channel: string, message: Message): Uint8Array {
    const exact = checkMessage(message, this.#codec.carriesBytes);
    const bytes = this.#encode(message, exact);
    if (!isProcessLocal(channel)) return this.#seal(bytes);
    return this.#seal(this.#codec.encode(addressTo(channel, message), exact));
  }

  /**
   * Copies a message whose channels are not known yet: the caller may change it meanwhile.
   *
   * @returns A function that packs the copy for some channels.
   * @throws The errors of {@linkcode MessagePacker.pack}.
   */
  draft(message: Message): (channels: readonly string[]) => Uint8Array {
    const exact = checkMessage(message, this.#codec.carriesBytes);
    const copy = this.#codec.decode(this.#encode(message, exact));
    return (channels) => this.#seal(this.#codec.encode(addressTo(channels, copy), exact));
  }

  /**
   * Decodes a message.
   *
   * @throws {UndecodableMessageError} If the bytes are not a valid message.
   */
  open(bytes: Uint8Array): Message {
    return withoutAddress(this.#unseal(bytes));
  }

  /**
   * Decodes a message for process-local channels.
   *
   * @param key The common part of their names, up to the `!`.
   * @returns The channels, and the function that each of them reads the message with.
   * @throws {UndecodableMessageError} If the bytes are not a valid message, or have no valid address.
   */
  openLocal(key: string, bytes: Uint8Array): LocalMessage {
    const message = this.#unseal(bytes);
    const channels = addresseesOf(message, key);
    withoutAddress(message);
    return { channels, read: channels.length === 1 ? () => message : this.#copies(message) };
  }

  /**
   * Returns a function that returns a new copy for each reader. The first read encodes the message again,
   * without the names of the channels, to save memory; the readers of the same moment copy the object.
   */
  #copies(message: Message): () => Message {
    let original: Message | undefined = message;
    let encoded: Uint8Array = new Uint8Array();
    let recent: WeakRef<Message> | undefined;
    return () => {
      if (original) encoded = this.#copyOf(original);
      const known = original ?? recent?.deref() ?? this.#codec.decode(encoded.slice());
      if (known !== recent?.deref()) recent = new WeakRef(known);
      original = undefined;
      return copyOf(known);
    };
  }

  #encode(message: Message, exact: boolean): Uint8Array {
    checkUnaddressed(message);
    const bytes = this.#codec.encode(message, exact);
    if (bytes.length <= MAX_SENT_BYTES) return bytes;
    throw new MessageTooLargeError({ size: bytes.length, limit: MAX_SENT_BYTES });
  }

  /** A message within the limits may exceed them in the encoding of this library. */
  #copyOf(message: Message): Uint8Array {
    try {
      return this.#codec.encode(message, true);
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error;
      throw new UndecodableMessageError({ reason: error.message, cause: error });
    }
  }

  #seal(bytes: Uint8Array): Uint8Array {
    return this.#cipher?.encrypt(bytes) ?? bytes;
  }

  /** Checks the size before it decrypts. */
  #unseal(bytes: Uint8Array): Message {
    checkReceivedSize(bytes.length, this.#cipher ? MAX_TOKEN_BYTES : MAX_RECEIVED_BYTES);
    return this.#codec.decode(this.#cipher?.decrypt(bytes) ?? bytes);
  }
}

/** Returns a deep copy of a decoded value. */
function copyOf<T>(value: T): T;
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map((item) => copyOf(item));
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key !== "__proto__") copy[key] = copyOf(item);
    // An assignment would set the prototype.
    else Object.defineProperty(copy, key, { ...PROPERTY, value: copyOf(item) });
  }
  return copy;
}

const PROPERTY = { configurable: true, enumerable: true, writable: true };

/** The key of a message whose value is the full names of the channels that it is addressed to. */
const ENVELOPE = "__asgi_channel__";

/**
 * Returns a message with its address, as channels_redis writes it: the name of one channel, or the list
 * of the channels of a group.
 */
function addressTo(channels: string | readonly string[], message: Message): Message {
  return { ...message, [ENVELOPE]: channels };
}

/** @throws {TypeError} If a message uses the key of the address. */
function checkUnaddressed(message: Message): void {
  if (Object.hasOwn(message, ENVELOPE)) {
    throw new TypeError(`$.${ENVELOPE} belongs to the layer: use another key`);
  }
}

/** Removes the address from a message. */
function withoutAddress(message: Message): Message {
  if (Object.hasOwn(message, ENVELOPE)) delete (message as Record<string, unknown>)[ENVELOPE];
  return message;
}

/**
 * Returns the process-local channels that a message is addressed to.
 *
 * @param key The common part of their names, up to the `!`.
 * @throws {UndecodableMessageError} If the address is missing, or names other channels.
 */
function addresseesOf(message: Message, key: string): readonly string[] {
  const value = message[ENVELOPE];
  const channels = Array.isArray(value) ? value : [value];
  for (const channel of channels) {
    if (!isValidChannelName(channel) || nonLocalName(channel) !== key) {
      throw new UndecodableMessageError({
        reason: `it has no valid address for a channel of ${key}`,
      });
    }
  }
  return channels;
}
