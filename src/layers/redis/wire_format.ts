import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import { isProcessLocal, isValidChannelName, nonLocalName } from "../names.ts";
import type { Source, StoredBody } from "../store.ts";
import type { Reply } from "./connection/client.ts";
import { countOf, listOf, textsOf } from "./connection/client.ts";

/** The number of random bytes at the start of each member of a sorted set, which make it unique. */
const RANDOM_BYTES = 12;

const pool = new Uint8Array(RANDOM_BYTES * 512);
let used = pool.length;

/** Returns the members for some bodies, concatenated, and their lengths. */
export function packMembers(bodies: readonly Uint8Array[]): {
  readonly lengths: string;
  readonly members: Buffer;
} {
  const lengths = bodies.map((body) => RANDOM_BYTES + body.length);
  const members = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const body of bodies) {
    members.set(randomBytes(), at);
    members.set(body, at + RANDOM_BYTES);
    at += RANDOM_BYTES + body.length;
  }
  return { lengths: lengths.join(), members };
}

function randomBytes(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.subarray(used, used += RANDOM_BYTES);
}

/** A member that was removed from a sorted set. Its fields are computed on access. */
export class TakenMember implements StoredBody {
  readonly #member: Buffer;
  readonly #score: Buffer;
  readonly #lifetime: number;

  /**
   * Creates it from a member and its score, as `ZPOPMIN` replies.
   *
   * @param lifetime What to add to its score to get its expiry by the clock of this machine, in
   * milliseconds.
   * @param source The source that removed it.
   */
  constructor(member: Buffer, score: Buffer, lifetime: number, readonly source: Source) {
    this.#member = member;
    this.#score = score;
    this.#lifetime = lifetime;
  }

  get bytes(): Uint8Array {
    const { buffer, byteOffset, length } = this.#member;
    const start = Math.min(RANDOM_BYTES, length);
    return new Uint8Array(buffer, byteOffset + start, length - start);
  }

  get expiresAt(): number {
    return Number(this.#score.toString()) * 1000 + this.#lifetime;
  }

  /** The arguments of `ZADD` that requeue it: its exact score, as Redis sent it, and the member. */
  get position(): readonly [score: Buffer, member: Buffer] {
    return [this.#score, this.#member];
  }
}

/** What was removed from a key. */
export interface Found {
  readonly key: string;
  /** Each member is followed by its score; `undefined` if the key holds data of another type. */
  readonly members: readonly Buffer[] | undefined;
}

/**
 * Reads the reply of a {@linkcode Fetcher}'s script.
 *
 * @throws {RedisFailure} If it is invalid.
 */
export function readFound(reply: Reply | undefined, keys: readonly string[]): Found[] {
  return listOf(reply).map((item) => {
    const [place, members] = listOf(item);
    const key = keys[countOf(place) - 1] ?? "";
    return { key, members: Array.isArray(members) ? textsOf(members) : undefined };
  });
}

/** What a layer stores under a key. */
export type KeyKind = "channel" | "local" | "group" | "wake-up";

/** A key that a layer may have written, and the name in it. */
export interface OwnKey {
  readonly kind: KeyKind;
  readonly name: string;
}

/** What channels_redis appends to a channel's key for messages that it is about to deliver. */
const IN_FLIGHT = "$inflight";

/** Returns the key of a group. */
export function groupKey(prefix: string, group: string): string {
  return `${prefix}:group:${group}`;
}

/**
 * Returns what a layer may have written under a key. As in channels_redis, nothing separates the
 * prefix from the name: the key `app-long` may belong to the prefix `app`, or to `app-long`.
 *
 * @param key A key that starts with the prefix.
 * @returns `undefined` if the layer cannot have written it.
 */
export function readKey(prefix: string, key: string): OwnKey | undefined {
  const rest = key.slice(prefix.length);
  const [, folder, name = ""] = /^:(group|wake-up):(.*)$/s.exec(rest) ?? [];
  if (folder === "wake-up") return { kind: "wake-up", name };
  if (folder === "group") return isGroupName(name) ? { kind: "group", name } : undefined;
  return readChannel(rest.endsWith(IN_FLIGHT) ? rest.slice(0, -IN_FLIGHT.length) : rest);
}

function readChannel(name: string): OwnKey | undefined {
  const isLocal = name.endsWith("!");
  // The key ends at the `!`.
  if (!isValidChannelName(isLocal ? `${name}x` : name)) return undefined;
  if (nonLocalName(name) !== name) return undefined;
  return { kind: isLocal ? "local" : "channel", name };
}

function isGroupName(name: string): boolean {
  return isValidChannelName(name) && !isProcessLocal(name);
}

/**
 * Checks the prefix of a layer on a cluster: the text in the first braces of a key determines its
 * slot, and the keys that belong to one channel must have the same slot.
 *
 * @throws {TypeError} If it contains braces that are not a hash tag.
 */
export function checkClusterPrefix(prefix: string): void {
  if (/^[^{}]*(\{[^{}]+\}[^{}]*)?$/.test(prefix)) return;
  throw new TypeError(
    `Prefix ${JSON.stringify(prefix)} breaks the hash tags of Redis Cluster: remove its braces, ` +
      'or use one pair around a part of it, such as "{events}."',
  );
}
