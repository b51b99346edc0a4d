import { LayerConfigurationError } from "../../errors/mod.ts";
import type { ServerInspection } from "../inspection.ts";
import type { LayerSettings } from "../settings.ts";
import { settleAll } from "../settle_all.ts";
import type { AddressedBody, KeyInspection, Store, StoredBody } from "../store.ts";
import type { Address } from "./address.ts";
import type { Reply } from "./connection/client.ts";
import { countOf, invalidReply, listOf, textsOf } from "./connection/client.ts";
import { Connection, runScript, script } from "./connection/connection.ts";
import { failureOf } from "./connection/failures.ts";
import { flush, inspectKey, inspectServers } from "./maintenance.ts";
import { Scores } from "./server_clock.ts";
import { RedisSource, wakeUpKeyFor } from "./source.ts";
import { targetAt } from "./topology/target.ts";
import { groupKey, packMembers, type TakenMember } from "./wire_format.ts";

/** The most that one command sends. */
export const BATCH_LIMIT = { messages: 500, bytes: 4_194_304 };

/**
 * Stores messages in the sorted sets of a Redis, where channels_redis stores them, over two
 * connections: one for commands, and one that waits. In a cluster, each key has a source of its
 * own: one blocking command cannot wait for keys on several servers.
 */
export class RedisStore implements Store {
  readonly batchLimit = BATCH_LIMIT;
  readonly #address: Address;
  readonly #settings: LayerSettings;
  readonly #commands: Connection;
  /** By key in a cluster; otherwise there is one, under `""`. */
  readonly #sources = new Map<string, readonly [RedisSource]>();
  /** By the same. */
  readonly #wakeUpKeys = new Map<string, string>();
  readonly #scores: Scores;
  #onReconnect: () => void = () => {};

  constructor(address: Address, settings: LayerSettings) {
    this.#address = address;
    this.#settings = settings;
    this.#commands = new Connection(targetAt(address), () => this.#onReconnect());
    this.#scores = new Scores(address.name);
  }

  /**
   * Sends in one round trip what takes channels_redis four: it counts what the channel holds, adds
   * as many members as fit, and sets the expiry of the key. Expired members are only counted, and
   * removed, if the channel seems full. Adding comes first: a server that is out of memory rejects
   * a script's first write, but no later one. What a script does is replicated, not the script
   * itself, so it may use the clock of the server.
   *
   * A score is the server's time. The members of one command are a microsecond apart, which may be
   * more than the time until the next command, so a sender may pass the minimum of its next score.
   * It is ignored if it is more than a second ahead: then the server's clock was set back.
   *
   * All members are one argument, since many arguments cost the client far more. `lengths` splits
   * it; without `min_score` and `lengths` it is one member.
   *
   * Returns how many members were added, and with `min_score` the first score as well.
   */
  static readonly #APPEND = script(`
local key = KEYS[1]
local capacity, expiry, members, min_score, lengths = unpack(ARGV)
local time = redis.call('TIME')
local free = capacity - redis.call('ZCARD', key)
if free >= 1 and not min_score then
  redis.call('ZADD', key, string.format('%s.%06d', time[1], time[2]), members)
  redis.call('PEXPIRE', key, expiry)
  return 1
end
local now = time[1] * 1000000 + time[2]
local function score_of(microseconds) return string.format('%.6f', microseconds / 1000000) end
local first, sizes = now, {}
if min_score and min_score - now > 0 and min_score - now < 1000000 then
  first = tonumber(min_score)
end
for length in string.gmatch(lengths or tostring(#members), '%d+') do
  sizes[#sizes + 1] = tonumber(length)
end
local oldest = free < #sizes and score_of(now - expiry * 1000)
if oldest then free = capacity - redis.call('ZCOUNT', key, '(' .. oldest, '+inf') end
local count, start, added = math.max(0, math.min(free, #sizes)), 1, {}
for n = 1, count do
  added[2 * n - 1] = score_of(first + n - 1)
  added[2 * n] = string.sub(members, start, start + sizes[n] - 1)
  start = start + sizes[n]
end
if count > 0 then
  redis.call('ZADD', key, unpack(added))
  if oldest then redis.call('ZREMRANGEBYSCORE', key, '-inf', oldest) end
  redis.call('PEXPIRE', key, expiry)
end
if min_score then return { count, first } end
return count
`);

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    // The script would take an empty list for one empty message.
    if (bodies.length === 0) return 0;
    const name = this.#settings.prefix + key;
    const { lengths, members } = packMembers(bodies);
    const minScore = this.#scores.hint(bodies.length);
    const args = [`${capacity}`, `${Math.ceil(this.#settings.expiry)}`, members];
    if (minScore !== undefined) args.push(minScore, lengths);
    const startedAt = performance.now();
    const reply = await runScript(this.#commands.run, RedisStore.#APPEND, [name], args)
      .catch((error) => Promise.reject(this.#withKey(error, name)));
    const read = minScore === undefined ? readCount : readCountAndScore;
    const { accepted, first } = this.#commands.read(reply, (value) => read(value, bodies.length));
    if (first !== undefined) this.#scores.note(first, accepted, startedAt);
    return accepted;
  }

  async broadcast<B extends AddressedBody>(messages: readonly B[]): Promise<B[]> {
    const skipped: B[] = [];
    await settleAll(messages.map(async (message) => {
      const { key, body, capacity } = message;
      if (await this.append(key, [body], capacity) === 0) skipped.push(message);
    }));
    return skipped;
  }

  sourcesOf(key: string): readonly [RedisSource] {
    const part = this.#address.kind === "cluster" ? key : "";
    const known = this.#sources.get(part);
    if (known) return known;
    const opened = [this.#openSource(part)] as const;
    this.#sources.set(part, opened);
    return opened;
  }

  async requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const name = this.#settings.prefix + key;
    const members = bodies.flatMap(({ position }) => position as TakenMember["position"]);
    const expire = ["PEXPIRE", name, `${Math.ceil(this.#settings.expiry)}`];
    // Only the first command decides about success: without the second, they expire by their
    // scores.
    await Promise.all([
      this.#commands.run(["ZADD", name, ...members]),
      this.#commands.run(expire).catch(() => {}),
    ]);
  }

  static readonly #GROUP_ADD = script(`
local group = KEYS[1]
local channel, group_expiry = unpack(ARGV)
local time = redis.call('TIME')
redis.call('ZADD', group, string.format('%s.%06d', time[1], time[2]), channel)
return redis.call('PEXPIRE', group, group_expiry)
`);

  async groupAdd(group: string, channel: string): Promise<void> {
    const key = groupKey(this.#settings.prefix, group);
    const args = [channel, this.#groupExpiry];
    await runScript(this.#commands.run, RedisStore.#GROUP_ADD, [key], args);
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.#commands.run(["ZREM", groupKey(this.#settings.prefix, group), channel]);
  }

  /** Returns the channels of a group that have not expired, and removes the others. */
  static readonly #GROUP_MEMBERS = script(`
local group = KEYS[1]
local group_expiry = unpack(ARGV)
local time = redis.call('TIME')
local oldest = time[1] + time[2] / 1000000 - group_expiry / 1000
redis.call('ZREMRANGEBYSCORE', group, '-inf', string.format('%.6f', oldest))
return redis.call('ZRANGE', group, 0, -1)
`);

  async groupMembers(group: string): Promise<string[]> {
    const key = groupKey(this.#settings.prefix, group);
    const args = [this.#groupExpiry];
    const reply = await runScript(this.#commands.run, RedisStore.#GROUP_MEMBERS, [key], args);
    return this.#commands.read(reply, textsOf).map(String);
  }

  async flush(): Promise<void> {
    await flush(this.#commands, this.#settings.prefix);
  }

  async inspectServers(): Promise<ServerInspection[]> {
    return await inspectServers(this.#commands);
  }

  async inspectKey(key: string): Promise<KeyInspection> {
    const { prefix, expiry } = this.#settings;
    return await inspectKey(this.#commands, prefix + key, expiry);
  }

  /** Checks that the server accepts writes, by deleting a key that does not exist. */
  async probe(): Promise<void> {
    await this.#commands.run(["DEL", `${this.#settings.prefix}:probe`]);
  }

  onReconnect(callback: () => void): void {
    this.#onReconnect = callback;
  }

  async close(): Promise<void> {
    // The replies arrive after those of pending commands.
    const keys = this.#commands.isOpen ? [...this.#wakeUpKeys.values()] : [];
    const deleting = keys.map((key) => this.#commands.run(["DEL", key]));
    await Promise.all(deleting).catch(() => {});
    const sources = Array.from(this.#sources.values(), ([source]) => source.close());
    await Promise.all([this.#commands.close(), ...sources]);
  }

  /** The only source, except in a cluster. */
  get source(): RedisSource {
    return this.sourcesOf("")[0];
  }

  #openSource(key: string): RedisSource {
    const { prefix, expiry } = this.#settings;
    const wakeUpKey = wakeUpKeyFor(prefix, key || undefined);
    this.#wakeUpKeys.set(key, wakeUpKey);
    // In a cluster, an idle connection is closed and reopened without a loss.
    const onReconnect = key ? () => {} : () => this.#onReconnect();
    const waiting = new Connection(targetAt(this.#address, prefix + key), onReconnect);
    // Where each key has a connection, those of unused keys would accumulate.
    const onIdle = () => {
      this.#sources.delete(key);
      this.#wakeUpKeys.delete(key);
    };
    const options = { waiting, commands: this.#commands, prefix, wakeUpKey, expiry };
    return new RedisSource({ ...options, ...key && { onIdle } });
  }

  /** Names the key in an error that says that a key holds data of another type. */
  #withKey(error: Error, name: string): Error {
    if (failureOf(error)?.kind !== "wrongType") return error;
    const reason = `the key ${name} holds something other than a channel's messages`;
    return new LayerConfigurationError({ layer: this.#address.name, reason, cause: error });
  }

  get #groupExpiry(): string {
    return `${Math.ceil(this.#settings.groupExpiry)}`;
  }
}

/** What appending has done. */
interface Appended {
  readonly accepted: number;
  /** The score of the first message, in microseconds. */
  readonly first?: number;
}

function readCount(reply: Reply | undefined, sent: number): Appended {
  const accepted = countOf(reply);
  if (accepted > sent) throw invalidReply();
  return { accepted };
}

function readCountAndScore(reply: Reply | undefined, sent: number): Appended {
  const [accepted, first, ...others] = listOf(reply);
  if (others.length > 0) throw invalidReply();
  return { ...readCount(accepted, sent), first: countOf(first) };
}
