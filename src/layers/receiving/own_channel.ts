import { Backoff } from "../../async.ts";
import { LayerUnavailableError, UndecodableMessageError } from "../../errors/mod.ts";
import type { LocalChannel, Message } from "../../protocol/mod.ts";
import type { ChannelLayer, Delivery } from "../channel_layer.ts";
import { ownedName } from "../names.ts";
import type { Memberships } from "./memberships.ts";
import { dropWarnings } from "../warnings.ts";
import type { Receiver } from "./receiver.ts";

/** The delays between the attempts to receive from an unavailable layer, in milliseconds. */
const DELAYS = { min: 50, max: 1_000 };

/** The parts of a layer that its own channels use. */
interface LayerParts {
  readonly receiver: Receiver;
  readonly memberships: Memberships;
}

/** The parts of this package's layers. Layers of other packages have none here. */
const partsOf = new WeakMap<ChannelLayer, LayerParts>();

/** Registers the parts of a layer. */
export function exposeParts(layer: ChannelLayer, parts: LayerParts): void {
  partsOf.set(layer, parts);
}

/** A process-local channel that can be closed. */
export interface OwnChannel {
  readonly name: LocalChannel;
  /**
   * Returns the next message, or `undefined` once the signal is aborted. Retries while the layer is
   * unavailable.
   */
  receive(signal: AbortSignal): Promise<Message | undefined>;
  /**
   * Closes the channel: later messages are dropped, and use no memory. Resolves when the channel has
   * left its groups, or after about a second if the layer is unavailable.
   */
  close(): Promise<void>;
}

/** Opens a new process-local channel of a layer. */
export function openChannel(layer: ChannelLayer): OwnChannel {
  const parts = partsOf.get(layer);
  if (!parts) {
    const name = layer.newChannel();
    const receive = (signal: AbortSignal) => receiveWithRetry(layer, name, signal);
    return { name, receive, close: () => Promise.resolve() };
  }
  const { receiver, memberships } = parts;
  const name = ownedName(layer.newChannel());
  receiver.own(name);
  return {
    name,
    receive: (signal) => receiveWithRetry(layer, name, signal, receiver),
    async close() {
      receiver.disown(name);
      await memberships.leave(name);
    },
  };
}

async function receiveWithRetry(
  layer: ChannelLayer,
  name: string,
  signal: AbortSignal,
  receiver?: Receiver,
): Promise<Message | undefined> {
  const backoff = new Backoff(DELAYS);
  for (;;) {
    try {
      return await layer.receive(name, { signal });
    } catch (error) {
      if (signal.aborted) return;
      if (receiver && error instanceof UndecodableMessageError) {
        receiver.reportDrop(name, error.message);
      } else if (error instanceof LayerUnavailableError) await backoff.wait(signal);
      else throw error;
    }
  }
}

/**
 * Waits for what an aborted `receiveMany()` of a channel may still have fetched, and returns what
 * could not be requeued: no other process has it.
 */
export async function reclaim(layer: ChannelLayer, channel: string): Promise<readonly Delivery[]> {
  return await partsOf.get(layer)?.receiver.reclaim(channel) ?? [];
}

/** Returns whether a closed channel leaves its groups: layers of other packages know nothing of it. */
export function leavesGroups(layer: ChannelLayer): boolean {
  return partsOf.has(layer);
}

/** Reports drops of the layers of other packages. */
const warnOfDrop = dropWarnings();

/** Reports a message of a process-local channel that was received, but cannot be handled. */
export function reportDrop(layer: ChannelLayer, channel: string, reason: string): void {
  const parts = partsOf.get(layer);
  if (parts) parts.receiver.reportDrop(channel, reason);
  else warnOfDrop({ channel, reason });
}
