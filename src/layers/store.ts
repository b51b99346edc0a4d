import type { ServerInspection } from "./channel_layer.ts";

/**
 * What a backend has to do: keep bytes in first-in first-out order under keys, and sets of names. Everything else that a
 * channel layer promises is done once, in `base_layer.ts`.
 */
export interface Store {
  /** How much one `append()` takes at most: then it is one step, which is done or not. */
  readonly step: { readonly messages: number; readonly bytes: number };

  /**
   * Appends bodies under a key, in their order, until it holds `capacity`.
   *
   * @returns How many it took, the first ones.
   */
  append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number>;

  /**
   * Appends one body under each key that has room.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} Unless its `outcomeUnknown` says so, nothing was
   * appended under any key.
   */
  broadcast(parcels: readonly Parcel[]): Promise<void>;

  /** Where a key's bodies may be: always the same objects, which are polled side by side. */
  sourcesOf(key: string): readonly Source[];

  /**
   * Puts bodies back to where they stood under their key.
   *
   * @throws {LayerUnavailableError} Unless its `outcomeUnknown` says so, none of them is back.
   */
  requeue(key: string, bodies: readonly StoredBody[]): Promise<void>;

  /** Adds a name to a set. */
  groupAdd(group: string, channel: string): Promise<void>;

  /** Removes a name from a set. */
  groupDiscard(group: string, channel: string): Promise<void>;

  /** The names of a set that were added within its expiry. */
  groupMembers(group: string): Promise<string[]>;

  /** Deletes everything under the layer's prefix. */
  flush(): Promise<void>;

  /** The servers, or what stands for one. */
  inspectServers(): Promise<ServerInspection[]>;

  /** How many bodies a key holds that haven't expired, and when the oldest was sent. */
  inspectKey(key: string): Promise<Stock>;

  /** Lets go of what is held open; nothing is called afterwards. */
  close(): Promise<void>;
}

/** What a key holds. */
export interface Stock {
  /** How many bodies. */
  readonly count: number;
  /** When the oldest was sent, in milliseconds since 1970, if there is one. */
  readonly oldest?: number | undefined;
}

/** A place that bodies are taken from: one `poll()` at a time. */
export interface Source {
  /**
   * Takes what the keys hold, up to the number asked of each. Waits until one of them holds
   * something, or `interrupt()` is called; what is taken is never lost.
   *
   * @param wait Whether to wait.
   */
  poll(demand: Demand, wait: boolean): Promise<Batch[]>;

  /**
   * Ends the waiting of a `poll()` that is under way.
   *
   * @returns A promise, if that can fail: it rejects when the `poll()` goes on waiting.
   */
  interrupt(): void | Promise<void>;
}

/** How many bodies may be taken from each key. */
export type Demand = ReadonlyMap<string, number>;

/** A body for one key. */
export interface Parcel {
  /** Where it goes. */
  readonly key: string;
  /** What goes there. */
  readonly body: Uint8Array;
  /** How many bodies the key may hold. */
  readonly capacity: number;
}

/** What was taken from one key, the oldest first. */
export interface Batch {
  /** Where it was. */
  readonly key: string;
  /** What was there. */
  readonly bodies: StoredBody[];
}

/** A body that was taken, and where it stood. */
export interface StoredBody {
  /** The body itself. */
  readonly bytes: Uint8Array;
  /** When it was sent, in milliseconds since 1970. */
  readonly sentAt: number;
  /** Its place under its key, in the words of the store that gave it. */
  readonly place: unknown;
}
