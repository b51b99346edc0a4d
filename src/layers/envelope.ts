import { UndecodableMessageError } from "../errors.ts";
import type { Message } from "../protocol/mod.ts";
import { isValidChannelName, nonLocalName } from "./names.ts";

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
      throw new UndecodableMessageError(`it doesn't say which channel of ${key} it is for`);
    }
  }
  return channels;
}
