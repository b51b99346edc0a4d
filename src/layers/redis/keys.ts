import { isProcessLocal, isValidChannelName, nonLocalName } from "../names.ts";

/** What a layer keeps under a key. */
export type KeyKind = "channel" | "local" | "group" | "wake-up";

/** A key that a layer may have written, and the name in it. */
export interface OwnKey {
  readonly kind: KeyKind;
  readonly name: string;
}

/** What channels_redis appends to the key of a channel for the messages that it is about to hand out. */
const IN_FLIGHT = "$inflight";

/** The key of a group. */
export function groupKey(prefix: string, group: string): string {
  return `${prefix}:group:${group}`;
}

/**
 * Tells what a layer may have written under a key. Between a prefix and a name there is nothing, as
 * in channels_redis: the channel `-long` of the prefix `app` and the rest of `app-long` look alike.
 *
 * @param key A key that starts with the prefix.
 * @returns Nothing if the layer can't have written it.
 */
export function readKey(prefix: string, key: string): OwnKey | undefined {
  const rest = key.slice(prefix.length);
  const [, folder, name = ""] = /^:(group|bell):(.*)$/s.exec(rest) ?? [];
  if (folder === "bell") return { kind: "wake-up", name };
  if (folder === "group") return isGroupName(name) ? { kind: "group", name } : undefined;
  return readChannel(rest.endsWith(IN_FLIGHT) ? rest.slice(0, -IN_FLIGHT.length) : rest);
}

function readChannel(name: string): OwnKey | undefined {
  const isLocal = name.endsWith("!");
  // What follows the `!` isn't in the key.
  if (!isValidChannelName(isLocal ? `${name}x` : name)) return undefined;
  if (nonLocalName(name) !== name) return undefined;
  return { kind: isLocal ? "local" : "channel", name };
}

function isGroupName(name: string): boolean {
  return isValidChannelName(name) && !isProcessLocal(name);
}

/**
 * Checks the prefix of a layer on a cluster: what is in the first braces of a key determines its
 * slot, and the keys that belong to one channel must have the same.
 *
 * @throws {TypeError} If it has braces that aren't a hash tag.
 */
export function checkClusterPrefix(prefix: string): void {
  if (/^[^{}]*(\{[^{}]+\}[^{}]*)?$/.test(prefix)) return;
  throw new TypeError(
    `Prefix ${JSON.stringify(prefix)} breaks the hash tags of a Redis Cluster: leave out its ` +
      'braces, or use one pair around a part of it, such as "{events}."',
  );
}
