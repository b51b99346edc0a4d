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

/** Opens a new process-local channel of a layer. */
export function openChannel(layer: ChannelLayer): OwnChannel {
  return new OwnChannel(layer);
}

/** A process-local channel that can be closed. */
export class OwnChannel {
  readonly #layer: ChannelLayer;
  readonly #parts: LayerParts | undefined;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff(DELAYS);
  readonly name: LocalChannel;

  constructor(layer: ChannelLayer) {
    const name = layer.newChannel();
    this.#layer = layer;
    this.#parts = partsOf.get(layer);
    this.name = this.#parts ? ownedName(name) : name;
    this.#parts?.receiver.open(this.name);
  }

  /**
   * Returns the next message, or `undefined` once the channel is closed. Retries while the layer is
   * unavailable, and reports undecodable messages.
   *
   * @throws {LayerConfigurationError | LayerClosedError} If the layer cannot be used.
   */
  async receive(): Promise<Message | undefined> {
    for (;;) {
      try {
        if (!this.#parts) return await this.#receiveFromForeign();
        const delivery = await this.#parts.receiver.next(this.name);
        this.#backoff.reset();
        return delivery?.read();
      } catch (error) {
        if (this.#closing.signal.aborted) return undefined;
        await this.#recover(error);
      }
    }
  }

  /**
   * Closes the channel: later messages are dropped, and use no memory. Resolves when the channel has
   * left its groups, or after about a second if the layer is unavailable.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#parts?.receiver.end(this.name);
    await this.#parts?.memberships.leave(this.name);
  }

  async #receiveFromForeign(): Promise<Message> {
    const message = await this.#layer.receive(this.name, { signal: this.#closing.signal });
    this.#backoff.reset();
    return message;
  }

  async #recover(error: unknown): Promise<void> {
    if (error instanceof UndecodableMessageError) {
      reportDrop(this.#layer, this.name, error.message);
    } else if (error instanceof LayerUnavailableError) {
      await this.#backoff.wait(this.#closing.signal);
    } else throw error;
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
