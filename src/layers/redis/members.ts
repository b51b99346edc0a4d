import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import type { Source, StoredBody } from "../store.ts";

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
