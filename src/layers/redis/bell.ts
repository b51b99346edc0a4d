import { randomUUID } from "node:crypto";
import type { Argument } from "./client/client.ts";

/** How long a bell goes on ringing, in milliseconds, if nobody hears it. */
const RINGING = 10_000;

/**
 * The name of a bell: a key that a blocking command waits for besides others, to be woken by it.
 *
 * @param prefix What the names of the layer's keys start with.
 * @param key In a cluster, the bell must be where this key is.
 */
export function bellFor(prefix: string, key?: string): string {
  const bell = `:bell:${randomUUID()}`;
  if (key === undefined) return prefix + bell;
  const name = prefix + key;
  return (/\{[^}]+\}/.test(name) ? name : `{${name}}`) + bell;
}

/** The commands that ring a bell. */
export function ringing(bell: string): readonly (readonly Argument[])[] {
  return [["ZADD", bell, "0", "ring"], ["PEXPIRE", bell, `${RINGING}`]];
}
