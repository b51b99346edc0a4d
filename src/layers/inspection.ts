/** The state of a layer, as `ChannelLayer.inspect()` returns it. */
export interface LayerInspection {
  /** The servers, or what stands for one, such as a file; empty if the file does not exist yet. */
  readonly servers: readonly ServerInspection[];
  /** The requested channels, in order. */
  readonly channels: readonly ChannelInspection[];
}

/** The state of a server. */
export interface ServerInspection {
  /** The server's URL, without passwords and keys. */
  readonly name: string;
  /** The server's product and version, such as `"Redis 7.0.15"`. */
  readonly version: string;
  /** The round-trip time, in milliseconds. */
  readonly roundTrip: number;
  /** The keys that the server deletes when its memory is full, if it says so; should be `"noeviction"`. */
  readonly evictionPolicy?: string;
}

/** The state of a channel. */
export interface ChannelInspection {
  /** The name of the channel. */
  readonly channel: string;
  /** How many messages are waiting. Expired messages don't count. */
  readonly depth: number;
  /** The capacity of the channel, in messages. */
  readonly capacity: number;
  /** The age of the oldest message, in milliseconds, if there is one. */
  readonly oldestAge?: number;
}
