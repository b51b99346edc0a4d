/**
 * What other folders of this package do with a layer beyond its contract. The package doesn't
 * export it: a layer from another package works without it.
 *
 * @module
 */
import type { ChannelLayer, Delivery } from "./channel_layer.ts";
import { ownedName } from "./names.ts";
import type { Receiver } from "./receiving/receiver.ts";

export { withHandlerContext } from "./sending/handler_context.ts";

const receivers = new WeakMap<ChannelLayer, Receiver>();

/** Gives this folder's door to a layer's receiver. */
export function exposeReceiver(layer: ChannelLayer, receiver: Receiver): void {
  receivers.set(layer, receiver);
}

/** A process-local channel that is closed in the end. */
export interface OwnChannel {
  readonly name: string;
  /** From now on, messages for the channel are dropped, and use no memory. */
  close(): void;
}

/** Opens a process-local channel of a layer. */
export function openChannel(layer: ChannelLayer): OwnChannel {
  const receiver = receivers.get(layer);
  const name = layer.newChannel();
  if (!receiver) return { name, close: () => {} };
  const owned = ownedName(name);
  receiver.own(owned);
  return { name: owned, close: () => receiver.disown(owned) };
}

/**
 * Waits for what may still come from a channel whose `receiveMany()` was aborted, and takes what
 * could not be requeued: no other process has it.
 */
export async function reclaim(layer: ChannelLayer, channel: string): Promise<readonly Delivery[]> {
  return await receivers.get(layer)?.reclaim(channel) ?? [];
}
