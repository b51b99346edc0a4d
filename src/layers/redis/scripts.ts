import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Argument, Connection, Reply } from "./connection.ts";
import { isUnknownScript } from "./trouble.ts";

/** A Lua script, and the hash by which the server knows it. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * Sends in one round trip what takes channels_redis four: drop what has expired, see what room is
 * left, add as much as fits, and let the key expire.
 *
 * KEYS: the channel. ARGV: the oldest score that counts, the capacity, the expiry in milliseconds,
 * and then score and member in turn. Gives the number of members that were added.
 */
export const APPEND: Script = script(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
local room = ARGV[2] - redis.call('ZCARD', KEYS[1])
local count = math.min(room, (#ARGV - 3) / 2)
if count <= 0 then return 0 end
redis.call('ZADD', KEYS[1], unpack(ARGV, 4, 3 + 2 * count))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return count
`);

/** Runs a script on one key; a server that doesn't know it yet is told. */
export async function runScript(
  connection: Connection,
  { sha1, source }: Script,
  key: string,
  args: readonly Argument[],
): Promise<Reply> {
  try {
    return await connection.run(["EVALSHA", sha1, "1", key, ...args]);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return await connection.run(["EVAL", source, "1", key, ...args]);
  }
}

function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(Buffer.from(source)).digest("hex") };
}
