import { MessageTooLargeError, UndecodableMessageError } from "../../errors.ts";
import type { Message } from "../../protocol/mod.ts";
import { isProcessLocal, isValidChannelName, nonLocalName } from "../names.ts";
import { checkMessage } from "./check.ts";
import type { Cipher, MessageCodec } from "./codec.ts";
import { checkArrival, LARGEST_ARRIVAL, LARGEST_MESSAGE } from "./limits.ts";

/** How large a message may be that arrives encrypted: a token is base64, and a little longer. */
const LARGEST_TOKEN = Math.ceil(LARGEST_ARRIVAL / 3) * 4 + 200;

/** A message for process-local channels. */
export interface LocalMessage {
  readonly channels: readonly string[];
  /** Returns the message: an object of its own for each channel. */
  readonly read: () => Message;
}

/** What a message is on its way: checked, encoded, addressed and sealed; and back. */
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
   * @throws {TypeError} When something in it may not travel.
   * @throws {MessageTooLargeError} When it is too large.
   */
  pack(channel: string, message: Message): Uint8Array {
    const exact = checkMessage(message, this.#codec.carriesBytes);
    const bytes = this.#encode(message, exact);
    if (!isProcessLocal(channel)) return this.#seal(bytes);
    return this.#seal(this.#codec.encode(addressTo(channel, message), exact));
  }

  /**
   * Takes down a message whose channels aren't known yet: the caller may change it meanwhile.
   *
   * @returns What packs it for some channels.
   * @throws As {@linkcode MessagePacker.pack} does.
   */
  draft(message: Message): (channels: readonly string[]) => Uint8Array {
    const exact = checkMessage(message, this.#codec.carriesBytes);
    const copy = this.#codec.decode(this.#encode(message, exact));
    return (channels) => this.#seal(this.#codec.encode(addressTo(channels, copy), exact));
  }

  /** @throws {UndecodableMessageError} When it is none. */
  open(bytes: Uint8Array): Message {
    return withoutAddress(this.#unseal(bytes));
  }

  /**
   * Opens what came for process-local channels; each of them gets a message of its own.
   *
   * @param key The visible part of their names.
   * @returns The channels, and what each of them reads the message by.
   * @throws {UndecodableMessageError} When it is none.
   */
  openLocal(key: string, bytes: Uint8Array): LocalMessage {
    const message = this.#unseal(bytes);
    const channels = addresseesOf(message, key);
    withoutAddress(message);
    return { channels, read: channels.length === 1 ? () => message : this.#copies(message) };
  }

  /** The first read encodes it once more, without the names of all channels, and forgets it. */
  #copies(message: Message): () => Message {
    let original: Message | undefined = message;
    let encoded: Uint8Array = new Uint8Array();
    return () => {
      if (original) encoded = this.#copyOf(original);
      original = undefined;
      return this.#codec.decode(encoded.slice());
    };
  }

  #encode(message: Message, exact: boolean): Uint8Array {
    checkUnaddressed(message);
    const bytes = this.#codec.encode(message, exact);
    if (bytes.length <= LARGEST_MESSAGE) return bytes;
    throw new MessageTooLargeError({ size: bytes.length, limit: LARGEST_MESSAGE });
  }

  /** A message that just fits as it came may be larger as this library writes it. */
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

  /** What is too large isn't even decrypted. */
  #unseal(bytes: Uint8Array): Message {
    checkArrival(bytes.length, this.#cipher ? LARGEST_TOKEN : LARGEST_ARRIVAL);
    return this.#codec.decode(this.#cipher?.decrypt(bytes) ?? bytes);
  }
}

/** The key under which a message carries the full names of the channels that it is for. */
const ENVELOPE = "__asgi_channel__";

/**
 * Writes on a message which channels it is for, as channels_redis does: a name for one that was
 * sent to directly, a list for those of a group.
 */
export function addressTo(channels: string | readonly string[], message: Message): Message {
  return { ...message, [ENVELOPE]: channels };
}

/** @throws {TypeError} When a message holds the key that belongs to the layer. */
export function checkUnaddressed(message: Message): void {
  if (Object.hasOwn(message, ENVELOPE)) {
    throw new TypeError(`$.${ENVELOPE} belongs to the layer: name it something else`);
  }
}

/** Takes the layer's own key off a message. */
export function withoutAddress(message: Message): Message {
  if (Object.hasOwn(message, ENVELOPE)) delete (message as Record<string, unknown>)[ENVELOPE];
  return message;
}

/**
 * The process-local channels that a message is for.
 *
 * @param message What was received under a key.
 * @param key The visible part of their names.
 * @throws {UndecodableMessageError} When it doesn't say so, or names channels of others.
 */
export function addresseesOf(message: Message, key: string): readonly string[] {
  const value = message[ENVELOPE];
  const channels = Array.isArray(value) ? value : [value];
  for (const channel of channels) {
    if (!isValidChannelName(channel) || nonLocalName(channel) !== key) {
      throw new UndecodableMessageError({
        reason: `it doesn't say which channel of ${key} it is for`,
      });
    }
  }
  return channels;
}
