import { isProcessLocal } from "./names.ts";
import type { ChannelCapacity, ChannelLayerOptions, Drop } from "./options.ts";
import { dropWarnings } from "./warnings.ts";

/** The shared key of process-local channels holds this many times the capacity of one channel. */
const LOCAL_CAPACITY_FACTOR = 10;

/** The options of a layer, validated and with defaults. */
export interface LayerSettings {
  /** Returns the capacity of a channel, in messages; for a process-local one, of its mailbox. */
  readonly capacityOf: (channel: string) => number;
  /**
   * Returns the capacity of a channel's key in the store, in messages. The process-local channels of one
   * layer object and prefix share a key.
   */
  readonly keyCapacityOf: (channel: string) => number;
  /** How long a message may wait to be received, in milliseconds. */
  readonly expiry: number;
  /** How long a channel stays in a group, in milliseconds. */
  readonly groupExpiry: number;
  /** The beginning of the names of all keys. */
  readonly prefix: string;
  /** Called for each message that the layer drops. */
  readonly onDrop: (drop: Drop) => void;
}

/**
 * Validates the options of a layer, and adds the defaults.
 *
 * @param options The options that the user has set.
 * @returns All options.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If the prefix is not a well-formed string.
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
    throw new TypeError(`prefix must be a well-formed string, got ${JSON.stringify(prefix)}`);
  }
  return {
    ...capacities(channelCapacity, capacity),
    expiry,
    groupExpiry,
    prefix,
    onDrop,
  };
}

/** @throws {RangeError} If the value is not a duration that every backend can represent. */
function checkDuration(name: string, value: number): void {
  if (value > 0 && value <= Number.MAX_SAFE_INTEGER) return;
  throw new RangeError(
    `${name} must be a positive number of milliseconds, at most ${Number.MAX_SAFE_INTEGER}, got ${value}`,
  );
}

/**
 * Returns the functions that return capacities.
 *
 * @param patterns The capacities by glob or `RegExp`; the first match counts.
 * @param capacity The capacity of channels without a match.
 * @throws {RangeError} If a capacity is not a positive integer.
 */
function capacities(
  patterns: ChannelCapacity,
  capacity: number,
): Pick<LayerSettings, "capacityOf" | "keyCapacityOf"> {
  const find = capacityFinder(patterns);
  const shared = Math.min(LOCAL_CAPACITY_FACTOR * capacity, Number.MAX_SAFE_INTEGER);
  return {
    capacityOf: (channel) => find(channel) ?? capacity,
    keyCapacityOf: (channel) => find(channel) ?? (isProcessLocal(channel) ? shared : capacity),
  };
}

function capacityFinder(patterns: ChannelCapacity): (channel: string) => number | undefined {
  const entries = Symbol.iterator in patterns ? [...patterns] : Object.entries(patterns);
  const rules = entries.map(([pattern, capacity]) => {
    checkCapacity(capacity, `of ${pattern}`);
    return {
      matches: typeof pattern === "string" ? globMatcher(pattern) : prefixMatcher(pattern),
      capacity,
    };
  });
  if (rules.length === 0) return () => undefined;
  return (channel) => rules.find(({ matches }) => matches(channel))?.capacity;
}

/** @throws {RangeError} If the value is not a positive integer. */
function checkCapacity(capacity: number, of = ""): void {
  if (Number.isSafeInteger(capacity) && capacity > 0) return;
  throw new RangeError(`Capacity ${of} must be a positive integer: ${capacity}`.replace("  ", " "));
}

function prefixMatcher(pattern: RegExp): (name: string) => boolean {
  return (name) => name.search(pattern) === 0;
}

const ANY_NUMBER = "*";

/** A condition on one character of a name, or any number of characters. */
type GlobPart = typeof ANY_NUMBER | ((character: string) => boolean);

/** As Python's `fnmatch`: `!` negates a class, and the whole name must match. */
function globMatcher(glob: string): (name: string) => boolean {
  const parts = Array.from(glob.matchAll(/\[(!?)([^\]]+)\]|[\s\S]/g), globPart);
  return (name) => matchesGlob(name, parts);
}

function globPart([part, not, set]: RegExpExecArray): GlobPart {
  if (set !== undefined) {
    const one = new RegExp(`^[${not ? "^" : ""}${set.replace(/[\\^]/g, "\\$&")}]$`);
    return (character) => one.test(character);
  }
  if (part === "*") return ANY_NUMBER;
  return part === "?" ? () => true : (character) => character === part;
}

/** Backtracks only to the last `*`, one character further on: no other choice can succeed. */
function matchesGlob(name: string, parts: readonly GlobPart[]): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let retry = 0;
  while (at < name.length) {
    const part = parts[next];
    if (part === ANY_NUMBER) {
      star = next++;
      retry = at;
    } else if (part?.(name[at]!)) {
      at++;
      next++;
    } else if (star === -1) {
      return false;
    } else {
      at = ++retry;
      next = star + 1;
    }
  }
  return parts.slice(next).every((part) => part === ANY_NUMBER);
}
