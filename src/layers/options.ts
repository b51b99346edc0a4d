/**
 * The capacities of some channels, in messages, by a glob (`*`, `?`, `[abc]`, `[!abc]`) or a `RegExp`
 * for the name. A glob must match the whole name, in linear time; a `RegExp` must match at its start,
 * and runs at each send.
 */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | Iterable<readonly [pattern: string | RegExp, capacity: number]>;

/** Options for every channel layer. */
export interface ChannelLayerOptions {
  /**
   * The capacity of a channel, in messages.
   *
   * The process-local channels of one layer object and prefix, such as those of a server's consumers and
   * subscriptions, share a queue in the backend. Its capacity is ten times this number, so that a message
   * to each of a thousand sockets fits. Of the messages that the process has fetched, each of these
   * channels keeps the newest `capacity`. A number in `channelCapacity` applies to both.
   *
   * @default {100}
   */
  readonly capacity?: number;
  /**
   * The capacities of channels for which `capacity` does not apply. The first match counts.
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
   * How long a channel stays in a group after it was last added, in milliseconds.
   *
   * @default {86_400_000}
   */
  readonly groupExpiry?: number;
  /**
   * The beginning of the names of all keys: layers with different prefixes are separate. On Redis no
   * delimiter separates the prefix from a name, so the prefix should end with one, as in `"app:"`.
   *
   * @default {"asgi"}
   */
  readonly prefix?: string;
  /**
   * Called for each message that the layer drops: it has expired, could not be decoded or requeued,
   * exceeds the capacity of a process-local channel, or belongs to a consumer that has ended. By default
   * the process emits a warning on standard error for the first drop of its kind, the tenth, the
   * hundredth and so on.
   */
  readonly onDrop?: (drop: Drop) => void;
}

/** A message that a layer has dropped. */
export interface Drop {
  /** The channel, or the part of its name up to the `!` if the full name is unknown. */
  readonly channel: string;
  /** Why the message was dropped. */
  readonly reason: string;
}
