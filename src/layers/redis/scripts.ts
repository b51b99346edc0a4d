import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Argument } from "./connection/client.ts";
import { isUnknownScript } from "./connection/failures.ts";

/** A Lua script, and the hash by which the server knows it. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/**
 * The server's clock, in microseconds since 1970. What a script does is replicated, rather than the
 * script: so the clock may decide.
 */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function scoreOf(microseconds) return string.format('%.6f', microseconds / 1000000) end
`;

/**
 * Sends in one round trip what takes channels_redis four: see what room is left, add as much as
 * fits, let the key expire. What has expired is only counted, and dropped, when the room is short.
 * The first thing that it writes is what it adds: a server whose memory is full refuses that, but
 * nothing once a script has written.
 *
 * The scores are the server's time. Members of one step are a microsecond apart, which may be more
 * than the time until the next step: so a sender may say which score its next member must have at
 * least. That counts for a second only: then the server's clock was set back.
 *
 * KEYS: the channel. ARGV: the capacity, the expiry in milliseconds, the members in one argument (as
 * many they would cost the client far more), and for more than one member, or to be told the time: the
 * sender's least score in microseconds, and the lengths of the members. Gives how many were added, and
 * if it was told the least score, the first score as well.
 */
export const APPEND: Script = script(`
local time = redis.call('TIME')
local room = ARGV[1] - redis.call('ZCARD', KEYS[1])
if room >= 1 and not ARGV[4] then
  redis.call('ZADD', KEYS[1], string.format('%s.%06d', time[1], time[2]), ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
local now = time[1] * 1000000 + time[2]
local function scoreOf(microseconds) return string.format('%.6f', microseconds / 1000000) end
local first, lengths = now, {}
if ARGV[4] and ARGV[4] - now > 0 and ARGV[4] - now < 1000000 then first = tonumber(ARGV[4]) end
for length in string.gmatch(ARGV[5] or tostring(#ARGV[3]), '%d+') do
  lengths[#lengths + 1] = tonumber(length)
end
local oldest = room < #lengths and scoreOf(now - ARGV[2] * 1000)
if oldest then room = ARGV[1] - redis.call('ZCOUNT', KEYS[1], '(' .. oldest, '+inf') end
local count, at, pairs = math.max(0, math.min(room, #lengths)), 1, {}
for place = 1, count do
  pairs[2 * place - 1] = scoreOf(first + place - 1)
  pairs[2 * place] = string.sub(ARGV[3], at, at + lengths[place] - 1)
  at = at + lengths[place]
end
if count > 0 then
  redis.call('ZADD', KEYS[1], unpack(pairs))
  if oldest then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', oldest) end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
if ARGV[4] then return { count, first } end
return count
`);

/**
 * KEYS: a channel. ARGV: the expiry in milliseconds. Gives how many members haven't expired, and, if
 * there are any, the age of the oldest in milliseconds.
 */
export const INSPECT: Script = script(`${NOW}
local oldest = '(' .. scoreOf(now - ARGV[1] * 1000)
local count = redis.call('ZCOUNT', KEYS[1], oldest, '+inf')
local range = { oldest, '+inf', 'WITHSCORES', 'LIMIT', 0, 1 }
local first = redis.call('ZRANGEBYSCORE', KEYS[1], unpack(range))
if not first[2] then return { count } end
return { count, math.max(0, math.floor(now / 1000 - first[2] * 1000)) }
`);

/** KEYS: a group. ARGV: a channel that joins it, and the expiry of groups in milliseconds. */
export const JOIN: Script = script(`${NOW}
redis.call('ZADD', KEYS[1], scoreOf(now), ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`);

/** KEYS: a group. ARGV: the expiry of groups in milliseconds. Gives the members that haven't expired. */
export const MEMBERS: Script = script(`${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', scoreOf(now - ARGV[1] * 1000))
return redis.call('ZRANGE', KEYS[1], 0, -1)
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

/**
 * Deletes a key if it holds what a layer keeps under such a key: its members tell, the first one or
 * the last. A message starts with 12 random bytes; what follows is a map in MessagePack, an object in
 * JSON, or a token. One for a process-local channel names it, as far as that can be read.
 *
 * KEYS: a key. ARGV: what it should be, and the name in it. Gives whether it was deleted.
 */
export const DELETE_OWN: Script = script(`
local function isMessage(member)
  local head = string.byte(member, 13) or 0
  if head == 103 then return true end
  local isMap = head == 123 or head == 222 or head == 223 or (head >= 128 and head <= 143)
  return isMap and (ARGV[1] ~= 'local' or string.find(member, ARGV[2], 13, true) ~= nil)
end
local function isOwn(place)
  local member = redis.pcall('ZRANGE', KEYS[1], place, place)[1]
  if not member then return false end
  if ARGV[1] == 'wake-up' then return true end
  if ARGV[1] == 'group' then return string.find(member, '^[%w_.-]+!?[%w_.-]*$') ~= nil end
  return isMessage(member)
end
if isOwn(0) or isOwn(-1) then return redis.call('UNLINK', KEYS[1]) end
return 0
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
