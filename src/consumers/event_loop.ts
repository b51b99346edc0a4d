import { setTimeout as pause } from "node:timers/promises";
import { LayerUnavailableError, ServerStoppedError } from "../errors.ts";
import { openChannel, type OwnChannel } from "../layers/internal.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import type { Message, Receive } from "../protocol/mod.ts";
import { StopConsumer } from "./stop_consumer.ts";

/** How long to wait before listening again after the layer was lost, in milliseconds. */
const SHORTEST_WAIT = 100;
const LONGEST_WAIT = 5_000;

/** What an {@linkcode EventLoop} asks of its consumer. */
export interface EventLoopOptions {
  /** Handles an event. */
  readonly dispatch: (event: Message) => Promise<void>;
  /** The layer of the consumer's own channel. */
  readonly layer: () => ChannelLayer;
}

/**
 * Gives a consumer its events, one at a time: those of the server, and those of its own channel,
 * once it has one.
 */
export class EventLoop {
  readonly #options: EventLoopOptions;
  readonly #failure = Promise.withResolvers<never>();
  readonly #ended = new AbortController();
  #channel: OwnChannel | undefined;
  #busy: Promise<void> | undefined;
  #queued = 0;
  #failed: { readonly error: unknown } | undefined;
  #listening: Promise<void> | undefined;

  constructor(options: EventLoopOptions) {
    this.#options = options;
  }

  /** The name of the own channel; it is made, and listened to, when it is first asked for. */
  get channelName(): string {
    return (this.#channel ??= this.#openChannel()).name;
  }

  /**
   * Takes and handles events until the server has stopped, or `StopConsumer` is thrown.
   *
   * @throws What a handler throws, or the layer.
   */
  async run(receive: Receive): Promise<void> {
    this.#failure.promise.catch(() => {});
    try {
      await Promise.race([this.#handleAll(receive), this.#failure.promise]);
    } catch (error) {
      this.#ended.abort();
      // What came over the own channel may still be handled: it may finish as well, or fail.
      await this.#listening;
      this.#channel?.close();
      const reason = error instanceof ServerStoppedError ? this.#failed?.error ?? error : error;
      if (!(reason instanceof StopConsumer)) throw reason;
    }
  }

  async #handleAll(receive: Receive): Promise<never> {
    for (;;) {
      await this.#handle(await receive());
      if (this.#failed) throw this.#failed.error;
    }
  }

  async #listen(layer: ChannelLayer, name: string): Promise<void> {
    const { signal } = this.#ended;
    for (let event; (event = await receivePatiently(layer, name, signal));) {
      await this.#handle(event);
    }
  }

  /** Waits its turn; to see that nobody has it, and to take it, is one step. */
  async #handle(event: Message): Promise<void> {
    while (this.#busy) {
      this.#queued++;
      await this.#busy.catch(() => {});
      this.#queued--;
    }
    this.#busy = this.#options.dispatch(event);
    try {
      await this.#busy;
    } finally {
      this.#busy = undefined;
    }
  }

  #openChannel(): OwnChannel {
    const layer = this.#options.layer();
    const channel = openChannel(layer);
    if (this.#ended.signal.aborted) channel.close();
    this.#listening = this.#listen(layer, channel.name).catch((error) => {
      this.#failed = { error };
      // An event of the server's that is in hand, or waits its turn, isn't lost: then comes the end.
      if (!this.#busy && this.#queued === 0) this.#failure.reject(error);
    });
    return channel;
  }
}

/** Receives from a layer that may be away for a while; gives nothing once it is aborted. */
async function receivePatiently(
  layer: ChannelLayer,
  name: string,
  signal: AbortSignal,
): Promise<Message | undefined> {
  for (let wait = SHORTEST_WAIT;; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await layer.receive(name, { signal });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LayerUnavailableError)) throw error;
    }
    await pause(wait, undefined, { signal }).catch(() => {});
  }
}
