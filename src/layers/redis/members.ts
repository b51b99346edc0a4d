import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import type { StoredBody } from "../store.ts";
import type { Reply } from "./connection.ts";

/** A member of a channel's sorted set starts with so many random bytes, which make it unique. */
const RANDOM_BYTES = 12;

const pool = new Uint8Array(RANDOM_BYTES * 512);
let used = pool.length;

/** Makes the member that carries a body. */
export function memberOf(body: Uint8Array): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const member = Buffer.allocUnsafe(RANDOM_BYTES + body.length);
  member.set(pool.subarray(used, used += RANDOM_BYTES));
  member.set(body, RANDOM_BYTES);
  return member;
}

/** What is needed to put a member back: its score in Redis's own words, which are exact. */
export interface Place {
  readonly member: Buffer;
  readonly score: string;
}

/** The body in a member, and where it stood. */
export function bodyOf(member: Reply, score: Reply): StoredBody {
  const bytes = member as Buffer;
  const start = Math.min(RANDOM_BYTES, bytes.length);
  const place: Place = { member: bytes, score: String(score) };
  return {
    bytes: new Uint8Array(bytes.buffer, bytes.byteOffset + start, bytes.length - start),
    sentAt: Number(place.score) * 1000,
    place,
  };
}

let lastScore = 0;

/**
 * The score of a message that is sent now: the time in seconds, as Python's `time.time()`. Each one
 * is a microsecond greater than the last at least, or equal scores would lose their order.
 */
export function nextScore(): string {
  lastScore = Math.max(lastScore + 1, Date.now() * 1000);
  return (lastScore / 1_000_000).toFixed(6);
}
