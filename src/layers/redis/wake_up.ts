import { randomUUID } from "node:crypto";
import type { Run } from "./connection/client.ts";
import { runScript, type Script, script } from "./scripts.ts";

/** How long a bell goes on ringing, in milliseconds, if nobody hears it. */
const RINGING = 10_000;

/**
 * The name of a bell: a key that a blocking command waits for besides others, to be woken by it.
 *
 * @param prefix What the names of the layer's keys start with.
 * @param key In a cluster, the bell must be where this key is.
 */
export function wakeUpKeyFor(prefix: string, key?: string): string {
  const bell = `:bell:${randomUUID()}`;
  if (key === undefined) return prefix + bell;
  const name = prefix + key;
  return (/\{[^}]+\}/.test(name) ? name : `{${name}}`) + bell;
}

/**
 * Rings a bell. A server whose memory is full rejects a `ZADD`, but nothing that a script does once it
 * has written; the few bytes are popped at once.
 *
 * KEYS: the bell. ARGV: how long it rings, in milliseconds.
 */
const RING: Script = script(`
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], 0, 'ring')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`);

/** Rings a bell. */
export async function ring(bell: string, run: Run): Promise<void> {
  await runScript(run, RING, [bell], [`${RINGING}`]);
}
