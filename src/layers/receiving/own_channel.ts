import type { ChannelLayer, Delivery } from "../channel_layer.ts";
import { ownedName } from "../names.ts";
import { dropWarnings } from "../warnings.ts";
import type { Receiver } from "./receiver.ts";

/** The receivers of this package's layers. Layers of other packages have none here. */
const receivers = new WeakMap<ChannelLayer, Receiver>();

/** Registers the receiver of a layer. */
export function exposeReceiver(layer: ChannelLayer, receiver: Receiver): void {
  receivers.set(layer, receiver);
}

/** A process-local channel that can be closed. */
export interface OwnChannel {
  readonly name: string;
  /** Closes the channel: later messages are dropped, and use no memory. */
  close(): void;
}

/** Opens a new process-local channel of a layer. */
export function openChannel(layer: ChannelLayer): OwnChannel {
  const receiver = receivers.get(layer);
  const name = layer.newChannel();
  if (!receiver) return { name, close: () => {} };
  const owned = ownedName(name);
  receiver.own(owned);
  return { name: owned, close: () => receiver.disown(owned) };
}

/**
 * Waits for what an aborted `receiveMany()` of a channel may still have fetched, and returns what
 * could not be requeued: no other process has it.
 */
export async function reclaim(layer: ChannelLayer, channel: string): Promise<readonly Delivery[]> {
  return await receivers.get(layer)?.reclaim(channel) ?? [];
}

/** Reports drops of the layers of other packages. */
const warnOfDrop = dropWarnings();

/** Reports a message of a process-local channel that was received, but cannot be handled. */
export function reportDrop(layer: ChannelLayer, channel: string, reason: string): void {
  const receiver = receivers.get(layer);
  if (receiver) receiver.reportDrop(channel, reason);
  else warnOfDrop({ channel, reason });
}
