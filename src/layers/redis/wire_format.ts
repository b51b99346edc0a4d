import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import { isProcessLocal, isValidChannelName, nonLocalName } from "../names.ts";
import type { Source, StoredBody } from "../store.ts";
import type { Reply } from "./connection/client.ts";
import { countOf, listOf, textsOf } from "./connection/client.ts";

/** A member of a channel's sorted set starts with so many random bytes, which make it unique. */
const RANDOM_BYTES = 12;

const pool = new Uint8Array(RANDOM_BYTES * 512);
let used = pool.length;

/** Makes the members that carry some bodies, one after the other. */
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

/** A member that was taken. Most are only decoded: the rest is worked out when it is asked for. */
export class TakenMember implements StoredBody {
  readonly #member: Buffer;
  readonly #score: Buffer;

  readonly #offset: number;

  /**
   * Takes what `ZPOPMIN` gave.
   *
   * @param offset What to add to a time of the server to get one of this machine, in milliseconds.
   * @param source Who took it.
   */
  constructor(member: Buffer, score: Buffer, offset: number, readonly source: Source) {
    this.#member = member;
    this.#score = score;
    this.#offset = offset;
  }

  get bytes(): Uint8Array {
    const { buffer, byteOffset, length } = this.#member;
    const start = Math.min(RANDOM_BYTES, length);
    return new Uint8Array(buffer, byteOffset + start, length - start);
  }

  get sentAt(): number {
    return Number(this.#score.toString()) * 1000 + this.#offset;
  }

  /** Its score in Redis's own words, which are exact, and the member: what `ZADD` takes. */
  get place(): readonly [score: Buffer, member: Buffer] {
    return [this.#score, this.#member];
  }
}

/** What was taken of a key. */
export interface Found {
  readonly key: string;
  /** Each member is followed by its score; `undefined` when the key holds something else. */
  readonly members: readonly Buffer[] | undefined;
}

/**
 * Reads what the script `TAKE` has found.
 *
 * @throws {StrangeReplyError} When it is something else.
 */
export function readFound(reply: Reply | undefined, keys: readonly string[]): Found[] {
  return listOf(reply).map((item) => {
    const [place, members] = listOf(item);
    const key = keys[countOf(place) - 1] ?? "";
    return { key, members: Array.isArray(members) ? textsOf(members) : undefined };
  });
}

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
