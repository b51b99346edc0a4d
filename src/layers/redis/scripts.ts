import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Argument } from "./client/client.ts";
import { isUnknownScript } from "./trouble.ts";

/** A Lua script, and the hash by which the server knows it. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * Sends in one round trip what takes channels_redis four: see what room is left, add as much as
 * fits, let the key expire. What has expired is only counted, and dropped, when the room is short.
 * The first thing that it writes is what it adds: a server whose memory is full refuses that, but
 * nothing once a script has written.
 *
 * KEYS: the channel. ARGV: the oldest score that counts, the capacity, the expiry in milliseconds,
 * how many members, the first score in microseconds, the lengths of the members, and these in one
 * argument: as many arguments they would cost the client far more. Gives how many were added.
 */
export const APPEND: Script = script(`
local wanted = tonumber(ARGV[4])
local room = ARGV[2] - redis.call('ZCARD', KEYS[1])
local isShort = room < wanted
if isShort then room = ARGV[2] - redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[1], '+inf') end
if room <= 0 then return 0 end
local count, at, pairs = 1, 1, { string.format('%.6f', ARGV[5] / 1000000), ARGV[7] }
if wanted > 1 then
  count = 0
  for length in string.gmatch(ARGV[6], '%d+') do
    if count >= room then break end
    pairs[2 * count + 1] = string.format('%.6f', (ARGV[5] + count) / 1000000)
    pairs[2 * count + 2] = string.sub(ARGV[7], at, at + length - 1)
    count, at = count + 1, at + length
  end
end
redis.call('ZADD', KEYS[1], unpack(pairs))
if isShort then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return count
`);

/**
 * Takes what several keys hold, in one round trip, without waiting. A script holds up all others:
 * this one takes 2,048 members at most, of each key its share, and what others leave of theirs. It
 * stops once it has taken so many bytes, which it sees after every 16 members at least.
 *
 * KEYS: the channels. ARGV: how many members to take of each, then how many bytes in all. Gives the
 * place of each key that held something, and what `ZPOPMIN` gave, perhaps several times; a text
 * instead, where the key is of another type. What one key gave isn't lost with another's trouble:
 * that will show again.
 */
export const TAKE: Script = script(`
local found, trouble, left, share = {}, nil, 2048, math.ceil(2048 / #KEYS)
local bytes = tonumber(ARGV[#KEYS + 1])
local function pop(place, count)
  local taken = redis.pcall('ZPOPMIN', KEYS[place], count)
  if taken.err and not string.find(taken.err, 'WRONGTYPE') then trouble = taken
  elseif taken.err then found[#found + 1] = { place, 'WRONGTYPE' }
  elseif #taken > 0 then
    found[#found + 1] = { place, taken }
    for at = 1, #taken, 2 do bytes = bytes - #taken[at] end
    return #taken / 2
  end
  return 0
end
local function take(place, count)
  local total, step = 0, 16
  while total < count and bytes > 0 do
    local wanted, before = math.min(count - total, step), bytes
    local taken = pop(place, wanted)
    total = total + taken
    step = math.max(1, math.min(16, math.floor(bytes * taken / (before - bytes + 1))))
    if taken < wanted then break end
  end
  left = left - total
  return total
end
local more = {}
for place in ipairs(KEYS) do
  local count = math.min(ARGV[place], share)
  local isFull = take(place, count) == count
  if isFull and count < tonumber(ARGV[place]) then more[#more + 1] = place end
end
for _, place in ipairs(more) do
  if left > 0 then take(place, math.min(ARGV[place] - share, left)) end
end
if trouble and #found == 0 then return trouble end
return found
`);

/** Runs a script on keys; a server that doesn't know it yet is told. */
export async function runScript<T>(
  run: (args: readonly Argument[]) => Promise<T>,
  { sha1, source }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<T> {
  try {
    return await run(["EVALSHA", sha1, `${keys.length}`, ...keys, ...args]);
  } catch (error) {
    if (!isUnknownScript(error)) throw error;
    return await run(["EVAL", source, `${keys.length}`, ...keys, ...args]);
  }
}

/** Names a script by its hash. */
export function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(Buffer.from(source)).digest("hex") };
}
