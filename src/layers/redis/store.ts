import { LayerConfigurationError } from "../../errors.ts";
import type { ServerInspection } from "../channel_layer.ts";
import type { LayerSettings } from "../settings.ts";
import { settleAll } from "../settle_all.ts";
import type { Parcel, Stock, Store, StoredBody } from "../store.ts";
import type { Address } from "./address.ts";
import type { Argument, Reply, Run } from "./connection/client.ts";
import { Connection } from "./connection/connection.ts";
import { isWrongType } from "./connection/failures.ts";
import { countOf, listOf, StrangeReplyError, textsOf } from "./connection/client.ts";
import { APPEND, DELETE_OWN, INSPECT, JOIN, MEMBERS, runScript, type Script } from "./scripts.ts";
import { Scores } from "./server_clock.ts";
import { RedisSource } from "./source.ts";
import { targetAt } from "./topology/target.ts";
import { wakeUpKeyFor } from "./wake_up.ts";
import { groupKey, packMembers, readKey, type TakenMember } from "./wire_format.ts";

/** How much one command sends at most. */
export const STEP = { messages: 500, bytes: 4_194_304 };

/**
 * Keeps bodies in the sorted sets of a Redis, where channels_redis keeps them, over two connections:
 * one for commands, one that waits. In a cluster each key is somewhere else, and one blocking command
 * can't wait for several: there, each key that is received from has a source of its own.
 */
export class RedisStore implements Store {
  readonly step = STEP;
  readonly #address: Address;
  readonly #settings: LayerSettings;
  readonly #commands: Connection;
  /** By the key; for a Redis that isn't a cluster there is one, whatever the key. */
  readonly #sources = new Map<string, readonly [RedisSource]>();
  /** By the same. */
  readonly #bells = new Map<string, string>();
  readonly #scores: Scores;

  constructor(address: Address, settings: LayerSettings) {
    this.#address = address;
    this.#settings = settings;
    this.#commands = new Connection(targetAt(address));
    this.#scores = new Scores(address.name);
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    // The script takes an empty list for one empty message.
    if (bodies.length === 0) return 0;
    const { prefix, expiry } = this.#settings;
    const { lengths, members } = packMembers(bodies);
    const limits = [`${capacity}`, `${Math.ceil(expiry)}`];
    const hint = this.#scores.hint(bodies.length);
    const args = hint === undefined ? [...limits, members] : [...limits, members, hint, lengths];
    const startedAt = performance.now();
    const reply = await this.#runScript(APPEND, prefix + key, args).catch((error) => {
      throw isWrongType(error) ? this.#wrongType(prefix + key, error) : error;
    });
    const { accepted, first } = this.#commands.read(
      reply,
      hint === undefined ? acceptedOf(bodies.length) : acceptedWithScore(bodies.length),
    );
    if (first !== undefined) this.#scores.note(first, accepted, startedAt);
    return accepted;
  }

  async broadcast(parcels: readonly Parcel[]): Promise<void> {
    await settleAll(
      parcels.map(async ({ key, body, capacity }) => void await this.append(key, [body], capacity)),
    );
  }

  sourcesOf(key: string): readonly [RedisSource] {
    const part = this.#address.kind === "cluster" ? key : "";
    const known = this.#sources.get(part);
    if (known) return known;
    const made = [this.#openSource(part)] as const;
    this.#sources.set(part, made);
    return made;
  }

  async requeue(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const name = this.#settings.prefix + key;
    const members = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    const expire = this.#expire(name, this.#settings.expiry);
    // Whether they are back is for the first to say; without the second they expire by their scores.
    await Promise.all([this.#run(["ZADD", name, ...members]), this.#run(expire).catch(() => {})]);
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    await this.#runScript(JOIN, groupKey(this.#settings.prefix, group), [
      channel,
      this.#groupExpiry,
    ]);
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.#run(["ZREM", groupKey(this.#settings.prefix, group), channel]);
  }

  async groupMembers(group: string): Promise<string[]> {
    const key = groupKey(this.#settings.prefix, group);
    const members = await this.#runScript(MEMBERS, key, [this.#groupExpiry]);
    return this.#commands.read(members, textsOf).map(String);
  }

  async flush(): Promise<void> {
    const pattern = this.#settings.prefix.replace(/[\\*?[\]]/g, "\\$&") + "*";
    await this.#commands.onEach(async (run) => {
      let cursor = "0";
      do {
        const scan = ["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"];
        const [next, keys] = this.#commands.read(await run(scan), listOf);
        const found = this.#commands.read(keys, textsOf);
        await Promise.all(found.map((key) => this.#deleteOwn(run, String(key))));
        cursor = String(next);
      } while (cursor !== "0");
    });
  }

  async inspectServers(): Promise<ServerInspection[]> {
    const servers: ServerInspection[] = [];
    await this.#commands.onEach(async (run) => {
      servers.push({ name: this.#address.name, ...await inspectServer(run) });
    });
    return servers;
  }

  async inspectKey(key: string): Promise<Stock> {
    const { prefix, expiry } = this.#settings;
    const reply = await this.#runScript(INSPECT, prefix + key, [`${Math.ceil(expiry)}`]);
    const [count = 0, age] = this.#commands.read(reply, countsOf);
    return { count, oldest: age === undefined ? undefined : Date.now() - age };
  }

  /** Sees whether the server can be written to, by deleting what isn't there. */
  async probe(): Promise<void> {
    await this.#commands.run(["DEL", `${this.#settings.prefix}:probe`]);
  }

  async close(): Promise<void> {
    // The answers come after those of the commands that are under way.
    const bells = this.#commands.isOpen ? [...this.#bells.values()] : [];
    await this.#run(...bells.map((bell) => ["DEL", bell])).catch(() => {});
    const sources = Array.from(this.#sources.values(), ([source]) => source.close());
    await Promise.all([this.#commands.close(), ...sources]);
  }

  /** Whom it takes from, unless it is a cluster. */
  get source(): RedisSource {
    return this.sourcesOf("")[0];
  }

  #openSource(key: string): RedisSource {
    const { prefix, expiry } = this.#settings;
    const bell = wakeUpKeyFor(prefix, key || undefined);
    this.#bells.set(key, bell);
    const waiting = new Connection(targetAt(this.#address, prefix + key));
    // Where each key has a connection, those that aren't received from any more would add up.
    const onIdle = () => {
      this.#sources.delete(key);
      this.#bells.delete(key);
    };
    const options = { waiting, commands: this.#commands, prefix, bell, expiry };
    return new RedisSource({ ...options, ...key && { onIdle } });
  }

  #wrongType(name: string, cause: Error): LayerConfigurationError {
    const reason = `its key ${name} holds something else than a channel's messages`;
    return new LayerConfigurationError({ layer: this.#address.name, reason, cause });
  }

  /** Runs commands in one go. */
  #run(...commands: readonly Argument[][]): Promise<Reply[]> {
    return Promise.all(commands.map((command) => this.#commands.run(command)));
  }

  /** Deletes a key, unless it holds what this layer can't have written. */
  async #deleteOwn(run: Run, key: string): Promise<void> {
    const own = readKey(this.#settings.prefix, key);
    if (own) await runScript(run, DELETE_OWN, [key], [own.kind, own.name]);
  }

  /** Runs a script on one key. */
  #runScript(script: Script, key: string, args: readonly Argument[]): Promise<Reply> {
    return runScript((command) => this.#commands.run(command), script, [key], args);
  }

  get #groupExpiry(): string {
    return `${Math.ceil(this.#settings.groupExpiry)}`;
  }

  #expire(key: string, milliseconds: number): Argument[] {
    return ["PEXPIRE", key, `${Math.ceil(milliseconds)}`];
  }
}

/** What the append script has done. */
interface Appended {
  readonly accepted: number;
  /** The score of the first message, in microseconds. */
  readonly first?: number;
}

/** Returns a parser of the script's reply, which says how many of some messages it has accepted. */
function acceptedOf(most: number): (reply: Reply | undefined) => Appended {
  return (reply) => {
    const accepted = countOf(reply);
    if (accepted > most) throw new StrangeReplyError();
    return { accepted };
  };
}

/** The same for a reply that also has the score of the first message. */
function acceptedWithScore(most: number): (reply: Reply | undefined) => Appended {
  return (reply) => {
    const [accepted, first, ...others] = listOf(reply);
    if (others.length > 0) throw new StrangeReplyError();
    return { ...acceptedOf(most)(accepted), first: countOf(first) };
  };
}

function countsOf(reply: Reply | undefined): number[] {
  return listOf(reply).map(countOf);
}

/** How often a server is asked: the quickest answer tells how far away it is. */
const PINGS = 3;

/** How a server is. */
export async function inspectServer(run: Run): Promise<Omit<ServerInspection, "name">> {
  let roundTrip = Infinity;
  for (let times = 0; times < PINGS; times++) {
    const start = performance.now();
    await run(["PING"]);
    roundTrip = Math.min(roundTrip, performance.now() - start);
  }
  const policy = await evictionPolicyOf(run);
  return { version: await versionOf(run), roundTrip, ...policy && { evictionPolicy: policy } };
}

/** A user may lack the right to one of the two commands that tell it, or to both. */
async function evictionPolicyOf(run: Run): Promise<string | undefined> {
  const info = await run(["INFO", "memory"]).then(String, () => "");
  const known = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (known !== undefined) return known;
  const reply = await run(["CONFIG", "GET", "maxmemory-policy"]).catch(() => null);
  return Array.isArray(reply) && reply.length === 2 ? String(reply[1]) : undefined;
}

/** A user that may use the layer needn't have the right to ask for it. */
async function versionOf(run: Run): Promise<string> {
  const info = await run(["INFO", "server"]).then(String, () => "");
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  if (valkey) return `Valkey ${valkey}`;
  return `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? "of unknown version"}`;
}
