import { abortable, onAbort } from "../../async.ts";
import { LayerClosedError } from "../../errors/mod.ts";
import type { LocalChannel, Message } from "../../protocol/mod.ts";
import type { ChannelLayer, Subscription } from "../channel_layer.ts";
import { openChannel, type OwnChannel } from "./own_channel.ts";

/**
 * Opens a channel, and adds it to groups. If that fails, the channel is closed again.
 *
 * @param layer The layer, which has checked the names.
 * @param groups The groups to join.
 * @param signal Ends the subscription.
 * @throws The signal's reason if it is aborted first, and the errors of `groupAdd()`.
 */
export async function subscribe(
  layer: ChannelLayer,
  groups: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Subscription> {
  signal?.throwIfAborted();
  const channel = openChannel(layer);
  try {
    const joining = Promise.all(groups.map((group) => layer.groupAdd(group, channel.name)));
    await (signal ? abortable(joining, signal) : joining);
  } catch (error) {
    await channel.close();
    throw error;
  }
  return new ChannelSubscription(channel, signal);
}

/** A subscription to an own channel. */
class ChannelSubscription implements Subscription {
  readonly #channel: OwnChannel;
  readonly #listener: Disposable;
  #ended: Promise<void> | undefined;

  constructor(channel: OwnChannel, signal: AbortSignal | undefined) {
    this.#channel = channel;
    this.#listener = onAbort(signal, () => this.#end());
  }

  get channel(): LocalChannel {
    return this.#channel.name;
  }

  /** The iterators share the messages. They have no `return()`: leaving a loop ends nothing else. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return { next: () => this.#next() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener[Symbol.dispose]();
    await this.#end();
  }

  async #next(): Promise<IteratorResult<Message, undefined>> {
    try {
      const value = await this.#channel.receive();
      if (value) return { value, done: false };
    } catch (error) {
      if (!(error instanceof LayerClosedError)) throw error;
    }
    return { value: undefined, done: true };
  }

  #end(): Promise<void> {
    return this.#ended ??= this.#channel.close();
  }
}
