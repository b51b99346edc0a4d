import { ServerStoppedError } from "../errors/mod.ts";
import { openChannel, type OwnChannel } from "../layers/internal.ts";
import type { ChannelLayer } from "../layers/mod.ts";
import type { Message, Receive } from "../protocol/mod.ts";
import { StopConsumer } from "./stop_consumer.ts";

/** What an {@linkcode EventLoop} needs of its consumer. */
export interface EventLoopOptions {
  /** Handles an event. */
  readonly dispatch: (event: Message) => Promise<void>;
  /** Handles an event of the own channel; `dispatch` by default. */
  readonly dispatchLocal?: (event: Message) => Promise<void>;
  /** Returns the layer of the consumer's own channel. */
  readonly layer: () => ChannelLayer;
}

/**
 * Passes events to a consumer, one at a time: those of the server, and those of its own channel once
 * it has one.
 */
export class EventLoop {
  readonly #options: EventLoopOptions;
  readonly #failure = Promise.withResolvers<never>();
  #hasEnded = false;
  #channel: OwnChannel | undefined;
  #busy: Promise<void> | undefined;
  #queued = 0;
  #failed: { readonly error: unknown } | undefined;
  #listening: Promise<void> | undefined;

  constructor(options: EventLoopOptions) {
    this.#options = options;
  }

  /** The name of the own channel, which is created on first use. */
  get channelName(): string {
    return (this.#channel ??= this.#openChannel()).name;
  }

  /**
   * Receives and handles events until the server has stopped, or a handler throws `StopConsumer`.
   *
   * @throws What a handler or the layer throws.
   */
  async run(receive: Receive): Promise<void> {
    this.#failure.promise.catch(() => {});
    try {
      await Promise.race([this.#handleAll(receive), this.#failure.promise]);
    } catch (error) {
      this.#hasEnded = true;
      const closed = this.#channel?.close();
      // An event of the own channel may still be in flight: it may finish, or fail.
      await this.#listening;
      await closed;
      const reason = error instanceof ServerStoppedError ? this.#failed?.error ?? error : error;
      if (!(reason instanceof StopConsumer)) throw reason;
    }
  }

  async #handleAll(receive: Receive): Promise<never> {
    for (;;) {
      await this.#handle(await receive(), this.#options.dispatch);
      if (this.#failed) throw this.#failed.error;
    }
  }

  async #listen(channel: OwnChannel): Promise<void> {
    const { dispatch, dispatchLocal = dispatch } = this.#options;
    for (let event; (event = await channel.receive());) {
      await this.#handle(event, dispatchLocal);
    }
  }

  /** Waits until no other event is in flight; checking and starting happen in one step. */
  async #handle(event: Message, dispatch: EventLoopOptions["dispatch"]): Promise<void> {
    while (this.#busy) {
      this.#queued++;
      await this.#busy.catch(() => {});
      this.#queued--;
    }
    this.#busy = dispatch(event);
    try {
      await this.#busy;
    } finally {
      this.#busy = undefined;
    }
  }

  #openChannel(): OwnChannel {
    const channel = openChannel(this.#options.layer());
    if (this.#hasEnded) void channel.close();
    this.#listening = this.#listen(channel).catch((error) => {
      this.#failed = { error };
      // An event of the server that is in flight or queued is handled first.
      if (!this.#busy && this.#queued === 0) this.#failure.reject(error);
    });
    return channel;
  }
}
