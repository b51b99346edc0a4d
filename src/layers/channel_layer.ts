import type {
  ChannelsIn,
  GroupMessageFor,
  GroupsIn,
  MessageFor,
  SubscribedMessage,
} from "../protocol/internal.ts";
import type { AnyChannels, LocalChannel, Message } from "../protocol/mod.ts";
import type { LayerInspection } from "./inspection.ts";

/**
 * Carries messages between processes, over named channels and groups of channels.
 *
 * A channel is a first-in, first-out queue. Each message is delivered at most once, to one receiver,
 * and never after its `expiry`. Names of channels and groups consist of ASCII letters, digits, `-`,
 * `_` and `.`, fewer than 100 characters; the name of a process-local channel contains one `!`. All
 * durations are milliseconds.
 *
 * The methods that return promises reject with a `LayerUnavailableError` if the layer is temporarily
 * unavailable, with a `LayerConfigurationError` if it cannot be used until its configuration is changed,
 * and, except for `close()`, with a `LayerClosedError` after `close()`.
 *
 * @typeParam C The channels that can be sent to, and what each accepts, as `ChannelsOf` returns them. By
 * default, any.
 * @typeParam G The groups that can be sent to, and what each accepts. By default, any.
 */
export interface ChannelLayer<C = AnyChannels, G = AnyChannels> extends AsyncDisposable {
  /** The layer's URL without passwords and keys, for logs and errors. */
  readonly url: string;

  /**
   * Sends one message to a channel. Resolves when the layer has accepted the message.
   *
   * A message is a plain object. It may contain strings, finite numbers, signed 64-bit integers (a
   * `bigint` if a `number` would not be exact), booleans, `null`, `Uint8Array`, arrays and plain
   * objects. Its encoded size is at most 1 MiB.
   *
   * @param channel The name of the channel.
   * @param message The message. It is encoded before the method returns, and can be changed afterwards.
   * @param options A timeout, a signal, and whether to wait for capacity.
   * @throws {TypeError} If the name is invalid, or the message contains an unsupported value.
   * @throws {RangeError} If the timeout is invalid.
   * @throws {ChannelFullError} If the channel is full.
   * @throws {MessageTooLargeError} If the message is too large.
   * @throws {SendTimeoutError} If the timeout elapses first.
   * @throws {LayerUnavailableError} If the layer is unavailable. This error and `SendTimeoutError` have an
   * `outcomeUnknown`: whether the message may have been sent.
   */
  send<N extends (keyof ChannelsIn<C> & string) | LocalChannel>(
    channel: N,
    message: MessageFor<C, N>,
    options?: SendOptions,
  ): Promise<void>;

  /**
   * Sends messages to one channel in order, in few round trips. If the channel becomes full, the first
   * messages are sent, and the `accepted` of the error says how many.
   *
   * @param messages The messages. All of them are checked before the first is sent.
   * @throws The errors of {@linkcode ChannelLayer.send}.
   */
  sendMany<N extends (keyof ChannelsIn<C> & string) | LocalChannel>(
    channel: N,
    messages: Iterable<MessageFor<C, N>>,
    options?: SendOptions,
  ): Promise<void>;

  /**
   * Waits for the next message of a channel, and takes it.
   *
   * Besides what `send()` accepts, a message of another implementation may contain `NaN`, infinities
   * and integers of up to 2^64 - 1, and have up to 4 MiB.
   *
   * @param channel The name of the channel; a process-local channel must belong to this layer object.
   * @param options A signal that ends the waiting: then no message is taken.
   * @returns The message.
   * @throws {TypeError} If the name is invalid, or belongs to another layer object.
   * @throws {UndecodableMessageError} If the next message cannot be decoded. It has been removed.
   */
  receive(channel: string, options?: ReceiveOptions): Promise<Message>;

  /**
   * Waits until a channel has messages, and takes up to `limit` of them, the oldest first.
   *
   * @param channel The name of the channel; a process-local channel must belong to this layer object.
   * @param options The limit, whether to wait, and a signal that ends the waiting.
   * @returns At least one delivery; possibly none with `wait: false`.
   * @throws {TypeError} If the name is invalid, or belongs to another layer object.
   * @throws {RangeError} If the limit is not a positive integer.
   */
  receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]>;

  /**
   * Requeues deliveries that have not been handled: they return to their positions in their channels.
   *
   * @param deliveries Deliveries that {@linkcode ChannelLayer.receiveMany} of this layer returned.
   * @throws {TypeError} If a delivery was not returned by `receiveMany()`.
   * @throws {LayerUnavailableError} If the layer is unavailable. Unless `outcomeUnknown` is `true`, no
   * delivery was requeued: the caller may handle them, or retry.
   */
  requeue(deliveries: readonly Delivery[]): Promise<void>;

  /**
   * Returns the name of a new process-local channel. Only this layer object can receive from it; every
   * process that knows the name can send to it.
   *
   * @param prefix The beginning of the name; `"specific"` by default.
   * @returns The name, such as `"specific.HEX!HEX"`.
   * @throws {TypeError} If the prefix is invalid, or too long.
   */
  newChannel(prefix?: string): LocalChannel;

  /**
   * Opens a process-local channel, adds it to groups, and returns what arrives there. The subscription
   * continues after the layer was unavailable: it joins its groups again, also if the backend has lost
   * its data. Messages that are sent in the meantime are not received.
   *
   * @typeParam N The name or names of the groups.
   * @typeParam M The messages: those of the groups.
   * @param groups The group or groups to join; none by default, to receive only replies.
   * @param options A signal that ends the subscription.
   * @returns The subscription, after it has joined the groups. Dispose of it when it is no longer needed.
   * @throws {TypeError} If the name of a group is invalid.
   *
   * @example Server-sent events
   * ```ts
   * import { getChannelLayer } from "@asgi/channels";
   *
   * export async function events(): Promise<Response> {
   *   const gallery = await getChannelLayer().subscribe("gallery");
   *   const lines = new TransformStream({
   *     transform: (event, to) => to.enqueue(`data: ${JSON.stringify(event)}\n\n`),
   *     cancel: () => gallery[Symbol.asyncDispose](), // The client has disconnected.
   *   });
   *   const body = ReadableStream.from(gallery).pipeThrough(lines);
   *   const headers = { "content-type": "text/event-stream" };
   *   return new Response(body.pipeThrough(new TextEncoderStream()), { headers });
   * }
   * ```
   */
  subscribe<
    const N extends (keyof GroupsIn<G> & string) | Iterable<keyof GroupsIn<G> & string> = never,
    M = SubscribedMessage<G, N>,
  >(groups?: N, options?: SubscribeOptions): Promise<Subscription<M>>;

  /**
   * Adds a channel to a group, or renews its membership. A membership ends `groupExpiry` milliseconds
   * after it was last added. The layer itself renews those of consumers' own channels and of
   * subscriptions that were added by this layer object, and ends them with the channel.
   *
   * @throws {TypeError} If a name is invalid.
   */
  groupAdd(group: string, channel: string): Promise<void>;

  /**
   * Removes a channel from a group. Does nothing if the group does not contain it.
   *
   * @throws {TypeError} If a name is invalid.
   */
  groupDiscard(group: string, channel: string): Promise<void>;

  /**
   * Sends a message to each channel of a group. Channels that are full are skipped, and reported to
   * `onDrop`.
   *
   * @param message The message; see {@linkcode ChannelLayer.send}.
   * @throws {TypeError} If the name is invalid, or the message contains an unsupported value.
   * @throws {MessageTooLargeError} If the message is too large.
   * @throws {LayerUnavailableError | LayerConfigurationError} If the layer, or the key of a member, cannot
   * be used; `outcomeUnknown` tells whether any member may have received the message.
   */
  groupSend<N extends keyof GroupsIn<G> & string>(
    group: N,
    message: GroupMessageFor<G, N>,
  ): Promise<void>;

  /**
   * Deletes all messages and groups with the layer's prefix. On Redis, see
   * [Prefixes](https://github.com/asgi/channels/blob/main/docs/redis.md#prefixes): keys of similar
   * prefixes cannot always be distinguished.
   */
  flush(): Promise<void>;

  /**
   * Returns the state of the layer's servers and of some channels, without changing anything.
   *
   * @param channels The names of the channels; none by default.
   * @throws {TypeError} If a name is invalid.
   */
  inspect(channels?: readonly string[]): Promise<LayerInspection>;

  /**
   * Closes all connections and files, after pending sends have settled. Pending `receive()` calls reject
   * with a `LayerClosedError`. Messages that are being fetched for them are requeued; those that cannot be
   * requeued are reported to `onDrop`. Can be called more than once.
   */
  close(): Promise<void>;
}

/** Options for {@linkcode ChannelLayer.send} and {@linkcode ChannelLayer.sendMany}. */
export interface SendOptions {
  /**
   * Aborts the send: the promise rejects with the signal's reason. A message in flight may still be
   * sent.
   */
  readonly signal?: AbortSignal;
  /**
   * The maximum duration of the send, in milliseconds, from 0 to 2,147,483,647. Without it, a send
   * waits about 5 s for the reply of an unresponsive server.
   */
  readonly timeout?: number;
  /**
   * Whether to wait while the channel is full, instead of rejecting with a `ChannelFullError`.
   *
   * Within a process, capacity goes to waiting calls in order, and calls that don't wait are rejected
   * immediately while others wait. Across processes there is no such order: each process retries on its
   * own, at most 50 ms apart, so a sender that retries in a tight loop without waiting can starve those
   * that wait. Let all senders of a busy channel wait, or pause between retries, and set a `timeout`.
   *
   * A handler never waits for capacity in the channel that it handles, nor does any code that it
   * starts: if the channel is full, it gets a `ChannelFullError`, because capacity becomes free only
   * when handlers return. This applies to the layer object that the worker runs on.
   *
   * @default {false}
   */
  readonly waitForCapacity?: boolean;
}

/** Options for {@linkcode ChannelLayer.subscribe}. */
export interface SubscribeOptions {
  /** Ends the subscription, without an error. Before it has started, `subscribe()` rejects. */
  readonly signal?: AbortSignal;
}

/**
 * The messages of a process-local channel, as {@linkcode ChannelLayer.subscribe} returns them.
 *
 * Iterate over it to receive the messages; several iterators share them, and leaving a loop ends only
 * the loop. A message that cannot be decoded is skipped and reported to `onDrop`. The iteration ends
 * when the subscription is disposed of, when its signal is aborted, or when the layer is closed. Then
 * the channel is removed from its groups, and later messages are dropped. `next()` rejects only with a
 * `LayerConfigurationError`.
 *
 * @typeParam M The messages.
 */
export interface Subscription<M = Message> extends AsyncIterable<M>, AsyncDisposable {
  /** The name of the channel, for replies. */
  readonly channel: LocalChannel;
}

/** Options for {@linkcode ChannelLayer.receive}. */
export interface ReceiveOptions {
  /** Ends the waiting: the promise rejects with the signal's reason, and no message is taken. */
  readonly signal?: AbortSignal;
}

/** Options for {@linkcode ChannelLayer.receiveMany}. */
export interface ReceiveManyOptions extends ReceiveOptions {
  /** The maximum number of messages to take: a positive integer. */
  readonly limit: number;
  /**
   * Whether to wait for the first message. Otherwise the method returns what the channel contains now.
   *
   * @default {true}
   */
  readonly wait?: boolean;
}

/** A message that was taken from a channel and has not been handled. */
export interface Delivery {
  /** The channel that the message was sent to. */
  readonly channel: string;
  /** When the message expires, in milliseconds since 1970. It must not be handled later. */
  readonly expiresAt: number;
  /**
   * Decodes and returns the message.
   *
   * @throws {UndecodableMessageError} If the message cannot be decoded.
   */
  read(): Message;
}
