import type { ServerInspection } from "../inspection.ts";
import type { KeyInspection } from "../store.ts";
import { countOf, listOf, type Run, textsOf } from "./connection/client.ts";
import { type Connection, runScript, script } from "./connection/connection.ts";
import { readKey } from "./wire_format.ts";

/** Deletes the keys that start with a prefix, and that a layer may have written. */
export async function flush(commands: Connection, prefix: string): Promise<void> {
  const pattern = prefix.replace(/[\\*?[\]]/g, "\\$&") + "*";
  await commands.onEach(async (run) => {
    let cursor = "0";
    do {
      const scan = ["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"];
      const [next, keys] = commands.read(await run(scan), listOf);
      const found = commands.read(keys, textsOf);
      await Promise.all(found.map((key) => deleteOwn(run, prefix, String(key))));
      cursor = String(next);
    } while (cursor !== "0");
  });
}

/**
 * Deletes a key if its first or last member is what a layer stores under such a key. A message
 * starts with 12 random bytes, followed by a map in MessagePack, an object in JSON, or a token. A
 * message for a process-local channel contains the name of the channel, unless it is encrypted.
 *
 * Returns whether the key was deleted.
 */
const DELETE_OWN = script(`
local key = KEYS[1]
local kind, name = unpack(ARGV)
local function is_message(member)
  local head = string.byte(member, 13) or 0
  if head == 103 then return true end
  local is_map = head == 123 or head == 222 or head == 223 or (head >= 128 and head <= 143)
  return is_map and (kind ~= 'local' or string.find(member, name, 13, true) ~= nil)
end
local function is_own(index)
  local member = redis.pcall('ZRANGE', key, index, index)[1]
  if not member then return false end
  if kind == 'wake-up' then return true end
  if kind == 'group' then return string.find(member, '^[%w_.-]+!?[%w_.-]*$') ~= nil end
  return is_message(member)
end
if is_own(0) or is_own(-1) then return redis.call('UNLINK', key) end
return 0
`);

async function deleteOwn(run: Run, prefix: string, key: string): Promise<void> {
  const own = readKey(prefix, key);
  if (own) await runScript(run, DELETE_OWN, [key], [own.kind, own.name]);
}

/** Returns how many members have not expired, and the age of the oldest in milliseconds. */
const INSPECT = script(`
local key = KEYS[1]
local expiry = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local oldest = string.format('(%.6f', (now - expiry * 1000) / 1000000)
local count = redis.call('ZCOUNT', key, oldest, '+inf')
local first = redis.call('ZRANGEBYSCORE', key, oldest, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if not first[2] then return { count } end
return { count, math.max(0, math.floor(now / 1000 - first[2] * 1000)) }
`);

/** Returns how many messages a key holds, and when the oldest was sent. */
export async function inspectKey(
  commands: Connection,
  key: string,
  expiry: number,
): Promise<KeyInspection> {
  const reply = await runScript(commands.run, INSPECT, [key], [`${Math.ceil(expiry)}`]);
  const [count = 0, age] = commands.read(reply, (value) => listOf(value).map(countOf));
  return { count, oldest: age === undefined ? undefined : Date.now() - age };
}

/** Returns facts about each server that holds a part of the keys. */
export async function inspectServers(commands: Connection): Promise<ServerInspection[]> {
  const servers: ServerInspection[] = [];
  await commands.onEach(async (run) => {
    servers.push({ name: commands.server.name, ...await inspectServer(run) });
  });
  return servers;
}

/** How many times a server is asked: the fastest reply shows the round trip. */
const PINGS = 3;

async function inspectServer(run: Run): Promise<Omit<ServerInspection, "name">> {
  let roundTrip = Infinity;
  for (let times = 0; times < PINGS; times++) {
    const start = performance.now();
    await run(["PING"]);
    roundTrip = Math.min(roundTrip, performance.now() - start);
  }
  const policy = await evictionPolicyOf(run);
  return { version: await versionOf(run), roundTrip, ...policy && { evictionPolicy: policy } };
}

/** The access rules may deny one of the two commands that return it, or both. */
async function evictionPolicyOf(run: Run): Promise<string | undefined> {
  const info = await run(["INFO", "memory"]).then(String, () => "");
  const known = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (known !== undefined) return known;
  const reply = await run(["CONFIG", "GET", "maxmemory-policy"]).catch(() => null);
  return Array.isArray(reply) && reply.length === 2 ? String(reply[1]) : undefined;
}

/** The access rules may deny the command. */
async function versionOf(run: Run): Promise<string> {
  const info = await run(["INFO", "server"]).then(String, () => "");
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  if (valkey) return `Valkey ${valkey}`;
  return `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? "of unknown version"}`;
}
