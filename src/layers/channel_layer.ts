import type { Message } from "../protocol/mod.ts";
import type { ChannelCapacity } from "./capacity.ts";

/** Carries messages between processes, over named channels and groups of them. */
export interface ChannelLayer extends AsyncDisposable {
  /** The layer's URL without passwords and keys, for logs and errors. */
  readonly url: string;

  /**
   * Sends one message to a channel.
   *
   * A message may hold strings, finite numbers, booleans, `null`, `Uint8Array`, arrays, plain
   * objects, and integers of 64 bits (a `bigint` where a `number` isn't safe); at most 1 MiB, encoded.
   * What peers send may also hold `NaN`, infinities and integers of up to 2^64 - 1, and have 4 MiB.
   *
   * @param channel The channel's name.
   * @param message The message.
   * @param options How long to wait, and whether for room as well.
   * @throws {TypeError} When the name isn't valid, or something in the message may not travel.
   * @throws {ChannelFullError} When the channel holds as much as it may.
   * @throws {MessageTooLargeError} When the message is too large.
   * @throws {LayerUnavailableError} When the layer can't be reached.
   * @throws {SendTimeoutError} When it took longer than the `timeout`.
   */
  send(channel: string, message: Message, options?: SendOptions): Promise<void>;

  /**
   * Sends messages to one channel, in their order and in few steps. When the channel gets full, the
   * first ones are sent, and the error's `accepted` says how many.
   *
   * @param channel The channel's name.
   * @param messages The messages: all are checked before the first is sent.
   * @param options How long to wait, and whether for room as well.
   * @throws As {@linkcode ChannelLayer.send} does.
   */
  sendMany(channel: string, messages: Iterable<Message>, options?: SendOptions): Promise<void>;

  /**
   * Waits for the next message of a channel, and takes it.
   *
   * @param channel The channel's name; a process-local one must be this layer's own.
   * @param options A signal that ends the waiting: then nothing is taken.
   * @returns The message.
   * @throws {UndecodableMessageError} When the next thing in the channel was no message.
   */
  receive(channel: string, options?: ReceiveOptions): Promise<Message>;

  /**
   * Waits until a channel has messages, and takes up to `limit` of them, the oldest first: none
   * expires before the first.
   *
   * @param channel The channel's name.
   * @param options How many, and how long to wait.
   * @returns At least one delivery, or with `wait: false` perhaps none.
   */
  receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]>;

  /**
   * Puts deliveries that nobody has started on back to their places at the front of their channels.
   *
   * @param deliveries What {@linkcode ChannelLayer.receiveMany} of this layer gave.
   * @throws {LayerUnavailableError} When the layer can't be reached. Unless its `outcomeUnknown` says that
   * some may be back, all are still the caller's, who may handle them or try again.
   */
  requeue(deliveries: readonly Delivery[]): Promise<void>;

  /**
   * Makes the name of a new process-local channel: only this layer object can receive from it, and
   * everybody who is told the name can send to it.
   *
   * @param prefix What the name starts with; `"specific"` by default.
   * @returns The name, such as `"specific.HEX!HEX"`.
   */
  newChannel(prefix?: string): string;

  /**
   * Adds a channel to a group; it stays for `groupExpiry` after it was last added.
   *
   * @param group The group's name.
   * @param channel The channel's name.
   */
  groupAdd(group: string, channel: string): Promise<void>;

  /**
   * Removes a channel from a group, if it is in there.
   *
   * @param group The group's name.
   * @param channel The channel's name.
   */
  groupDiscard(group: string, channel: string): Promise<void>;

  /**
   * Sends a message to each channel of a group. Channels that are full don't get it.
   *
   * @param group The group's name.
   * @param message The message.
   * @throws {LayerUnavailableError} If the layer cannot be reached. Its `outcomeUnknown` says whether any
   * member may have received the message.
   * @throws {LayerConfigurationError} If the layer, or the key of a member, cannot be used; the same applies.
   */
  groupSend(group: string, message: Message): Promise<void>;

  /**
   * Deletes all messages and groups of the layer's prefix; on Redis, see "Prefixes" in its
   * documentation for what can't be told apart.
   */
  flush(): Promise<void>;

  /**
   * Tells how the layer is, without changing anything in it.
   *
   * @param channels The channels to tell of.
   * @throws {LayerUnavailableError} When it can't be reached.
   */
  inspect(channels?: readonly string[]): Promise<LayerInspection>;

  /** Lets go of what the layer holds open. Pending `receive()`s reject; nothing is lost. */
  close(): Promise<void>;
}

/** What {@linkcode ChannelLayer.inspect} tells. */
export interface LayerInspection {
  /** The servers, or what stands for one, that keep the messages; none if a file is yet to be created. */
  readonly servers: readonly ServerInspection[];
  /** The channels that were asked for, in their order. */
  readonly channels: readonly ChannelInspection[];
}

/** How a server is. */
export interface ServerInspection {
  /** Its URL, without secrets. */
  readonly name: string;
  /** What it is, such as `"Redis 7.0.15"`. */
  readonly version: string;
  /** How long it takes to answer, in milliseconds. */
  readonly roundTrip: number;
  /** Which keys it deletes when its memory is full, if it says so: for a layer, `"noeviction"` is right. */
  readonly evictionPolicy?: string;
}

/** What a channel holds. */
export interface ChannelInspection {
  /** Its name. */
  readonly channel: string;
  /** How many messages wait in it, those that have expired left out. */
  readonly depth: number;
  /** How many it may hold. */
  readonly capacity: number;
  /** How long the oldest has waited, in milliseconds, if there is one. */
  readonly oldestAge?: number;
}

/** Options of {@linkcode ChannelLayer.send}. */
export interface SendOptions {
  /**
   * Gives up: the promise rejects with its reason. A message that was on its way may arrive all the
   * same.
   */
  readonly signal?: AbortSignal;
  /** Gives up after so many milliseconds; without it, a server's silence is given up after some 5 s. */
  readonly timeout?: number;
  /**
   * Whether to wait while the channel is full, instead of rejecting with a `ChannelFullError`.
   *
   * Within a process, capacity is given to waiting calls in their order, and calls that don't wait
   * are rejected immediately while others wait. Across processes there is no such order: each
   * process retries on its own, at most 50 ms apart, so a sender that retries in a tight loop
   * without waiting can starve those that wait. Let all senders of a busy channel wait, or pause
   * between retries, and set a `timeout`.
   *
   * A handler never waits for capacity in the channel that it handles, nor does any code that it
   * starts: if the channel is full, it gets a `ChannelFullError`, because capacity becomes free
   * only when handlers return. This applies to the layer object that the worker runs on.
   *
   * @default {false}
   */
  readonly waitForCapacity?: boolean;
}

/** Options of {@linkcode ChannelLayer.receive}. */
export interface ReceiveOptions {
  /** Ends the waiting; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode ChannelLayer.receiveMany}. */
export interface ReceiveManyOptions extends ReceiveOptions {
  /** How many messages to take at most. */
  readonly limit: number;
  /**
   * Whether to wait for the first message. If not, what is there is taken, which may be nothing.
   *
   * @default {true}
   */
  readonly wait?: boolean;
}

/** A message that was taken from a channel and that nobody has started on. */
export interface Delivery {
  /** The channel it was sent to. */
  readonly channel: string;
  /** When it expires, in milliseconds since 1970; it must not be handled later. */
  readonly expiresAt: number;
  /**
   * Decodes the message.
   *
   * @throws {UndecodableMessageError} When it is none.
   */
  read(): Message;
}

/** Options that every channel layer takes. */
export interface ChannelLayerOptions {
  /**
   * How many messages a channel may hold; process-local channels of one prefix share it.
   *
   * @default {100}
   */
  readonly capacity?: number;
  /**
   * Other capacities for some channels: by glob or `RegExp`, the first match counts.
   *
   * @default {{}}
   */
  readonly channelCapacity?: ChannelCapacity;
  /**
   * How long a message may wait to be received, in milliseconds.
   *
   * @default {60_000}
   */
  readonly expiry?: number;
  /**
   * How long a channel stays in a group after it was added, in milliseconds.
   *
   * @default {86_400_000}
   */
  readonly groupExpiry?: number;
  /**
   * What the names of all keys start with; layers of different prefixes don't see each other. On
   * Redis there is no delimiter between the prefix and a name, so the prefix should end with one:
   * `"app:"`.
   *
   * @default {"asgi"}
   */
  readonly prefix?: string;
  /**
   * Called for each message that the layer has to drop: it has expired, it came to a process-local
   * channel and was not decodable, or too many were there already, or its consumer has ended, or it
   * could not be requeued. By default it is a warning of the process, on standard error: of the first
   * drop of its kind, the tenth, the hundredth and so on.
   */
  readonly onDrop?: (drop: Drop) => void;
}

/** What a layer tells of something that it dropped. */
export interface Drop {
  /** The channel, or the visible part of it when its full name isn't known. */
  readonly channel: string;
  /** Why it was dropped. */
  readonly reason: string;
}
