import type { ServerInspection } from "./inspection.ts";

/**
 * What a backend implements: first-in, first-out queues of bytes by key, and sets of names. Pass it to
 * {@linkcode BaseChannelLayer}, which does the rest of what a channel layer promises.
 *
 * A method that rejects with a `LayerUnavailableError` or a `LayerConfigurationError` has changed
 * nothing, unless the error's `outcomeUnknown` is `true`.
 */
export interface Store {
  /** The largest batch that one `append()` accepts as one atomic operation; `bytes` is the sum of the bodies. */
  readonly batchLimit: { readonly messages: number; readonly bytes: number };

  /**
   * Appends bodies to a key, in order, until the key holds `capacity` bodies.
   *
   * @returns How many were appended: the first ones.
   */
  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number>;

  /**
   * Appends one body to each key that is not full.
   *
   * @returns The bodies that were not appended, because their keys are full.
   * @throws {LayerUnavailableError | LayerConfigurationError} If the store cannot be used. Unless
   * `outcomeUnknown` is `true`, no body was appended to any key.
   */
  broadcast<B extends AddressedBody>(bodies: readonly B[]): Promise<B[]>;

  /** Returns the sources of a key, always the same objects. All of them are polled concurrently. */
  sourcesOf(key: string): readonly Source[];

  /**
   * Returns bodies to their positions in a key.
   *
   * @throws {LayerUnavailableError} If the store is unavailable. Unless `outcomeUnknown` is `true`,
   * no body was returned.
   */
  requeue(key: string, bodies: readonly StoredBody[]): Promise<void>;

  /** Adds a channel to a group, or renews its membership. */
  groupAdd(group: string, channel: string): Promise<void>;

  /** Removes a channel from a group. */
  groupDiscard(group: string, channel: string): Promise<void>;

  /** Returns the channels of a group whose memberships have not expired. */
  groupMembers(group: string): Promise<string[]>;

  /** Deletes everything with the layer's prefix. */
  flush(): Promise<void>;

  /** Returns the servers, or what stands for one, such as a file. */
  inspectServers(): Promise<ServerInspection[]>;

  /** Returns the depth and age of a key. Expired bodies don't count. */
  inspectKey(key: string): Promise<KeyInspection>;

  /**
   * Sets a function to call when a lost connection was reopened, or a deleted file was replaced: the
   * store may have lost its groups. Without this method, only failed calls indicate that.
   */
  onReconnect?(callback: () => void): void;

  /** Closes all connections and files. No method is called afterwards. */
  close(): Promise<void>;
}

/** The depth and age of a key, as {@linkcode Store.inspectKey} returns them. */
export interface KeyInspection {
  /** How many bodies the key holds. */
  readonly count: number;
  /** When the oldest body was sent, in milliseconds since 1970, if there is one. */
  readonly oldest?: number | undefined;
}

/** A connection or file that bodies are fetched from, with one `poll()` in flight at a time. */
export interface Source {
  /**
   * Takes the bodies of some keys, the oldest first, up to a limit for each key. If `wait` is `true`,
   * it waits until one of the keys has a body, or `interrupt()` is called. Bodies that were taken are
   * always returned, even after an `interrupt()`.
   *
   * @param limits The keys, and how many bodies to take from each.
   * @param wait Whether to wait for the first body.
   * @returns What was taken; empty if there was nothing.
   */
  poll(limits: PollLimits, wait: boolean): Promise<Batch[]>;

  /**
   * Ends the waiting of the `poll()` in flight.
   *
   * @returns A promise, if it can fail: it rejects if the `poll()` continues to wait.
   */
  interrupt(): void | Promise<void>;
}

/** The maximum number of bodies to take, by key. */
export type PollLimits = ReadonlyMap<string, number>;

/** A body for one key, as {@linkcode Store.broadcast} takes it. */
export interface AddressedBody {
  /** The key to append to. */
  readonly key: string;
  /** The encoded message. */
  readonly body: Uint8Array;
  /** The capacity of the key, in bodies. */
  readonly capacity: number;
}

/** The bodies that were taken from one key, the oldest first. */
export interface Batch {
  /** The key. */
  readonly key: string;
  /** The bodies. */
  readonly bodies: StoredBody[];
}

/** A body that was taken, with its position. */
export interface StoredBody {
  /** The encoded message. */
  readonly bytes: Uint8Array;
  /** When it expires, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** Its position in the key, for {@linkcode Store.requeue}; opaque to the layer. */
  readonly position: unknown;
}
