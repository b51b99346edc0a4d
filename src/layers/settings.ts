import { capacityOf, checkCapacity } from "./capacity.ts";
import type { ChannelLayerOptions, Drop } from "./channel_layer.ts";
import { dropWarnings } from "./warnings.ts";

/** The options of a layer, complete and checked. */
export interface LayerSettings {
  /** How many messages a channel may hold. */
  readonly capacityOf: (channel: string) => number;
  /** How long a message may wait, in milliseconds. */
  readonly expiry: number;
  /** How long a channel stays in a group, in milliseconds. */
  readonly groupExpiry: number;
  /** What the names of all keys start with. */
  readonly prefix: string;
  /** Whom to tell of what had to be dropped. */
  readonly onDrop: (drop: Drop) => void;
}

/**
 * Completes the options of a layer.
 *
 * @param options What the user gave.
 * @returns All of them, with the defaults where the user gave none.
 * @throws {RangeError | TypeError} When a value makes no sense.
 */
export function layerSettings(options: ChannelLayerOptions): LayerSettings {
  const {
    capacity = 100,
    channelCapacity = {},
    expiry = 60_000,
    groupExpiry = 86_400_000,
    prefix = "asgi",
    onDrop = dropWarnings(),
  } = options;
  checkCapacity(capacity);
  checkDuration("expiry", expiry);
  checkDuration("groupExpiry", groupExpiry);
  if (typeof prefix !== "string" || !prefix.isWellFormed()) {
    throw new TypeError(`prefix must be a string, and well-formed: ${JSON.stringify(prefix)}`);
  }
  return {
    capacityOf: capacityOf(channelCapacity, capacity),
    expiry,
    groupExpiry,
    prefix,
    onDrop,
  };
}

/** @throws {RangeError} If the value is no duration, or one that the backends can't count with. */
function checkDuration(name: string, value: number): void {
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return;
  throw new RangeError(
    `${name} must be a positive number of milliseconds, at most ${Number.MAX_SAFE_INTEGER}: ${value}`,
  );
}
