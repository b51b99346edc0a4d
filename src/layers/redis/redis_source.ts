import type { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import type { Batch, Demand, Source, StoredBody } from "../store.ts";
import type { Argument, Reply } from "./client.ts";
import type { Connection } from "./connection.ts";
import { TakenMember } from "./members.ts";
import { runScript, TAKE } from "./scripts.ts";
import { isMoving, isWrongType } from "./trouble.ts";

/** How long the bell goes on ringing, in milliseconds, if nobody hears it. */
const RINGING = 10_000;

/** How often to look whether a key that holds something else was deleted, in milliseconds. */
const LOOK_AGAIN = 1_000;

/** How often, and after how many milliseconds, to try again when a key has just moved. */
const MOVES = 20;
const MOVING = 50;

/** How many messages to take from a key at once. */
const MOST_AT_ONCE = 1_024;

/** What a source is made of. */
export interface RedisSourceOptions {
  /** Where it waits: nothing else is done there. */
  readonly waiting: Connection;
  /** Where it is woken from. */
  readonly commands: Connection;
  readonly prefix: string;
  /** The key that wakes it. */
  readonly bell: string;
}

/**
 * Takes what the sorted sets of some keys hold, over a connection of its own.
 *
 * What is there it takes from all keys at once. Only when there is nothing it waits, with one blocking
 * command for all keys, which also waits for a key of its own, the bell: ringing can't be missed,
 * wherever the poll just is.
 */
export class RedisSource implements Source {
  readonly #options: RedisSourceOptions;
  #isPolling = false;
  /** Whether the poll that is under way is being woken already. */
  #isRung = false;
  #turn = 0;
  /** The keys that hold something else than messages. */
  readonly #spoilt = new Set<string>();

  constructor(options: RedisSourceOptions) {
    this.#options = options;
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    this.#isPolling = true;
    try {
      const batches = await this.#takeAtOnce(demand);
      return wait && batches.length === 0 ? await this.#waitFor(demand) : batches;
    } finally {
      this.#isPolling = this.#isRung = false;
    }
  }

  interrupt(): void {
    if (!this.#isPolling || this.#isRung) return;
    this.#isRung = true;
    const { bell, commands } = this.#options;
    const rings = [["ZADD", bell, "0", "ring"], ["PEXPIRE", bell, `${RINGING}`]];
    Promise.all(rings.map((ring) => commands.run(ring))).catch(() => {
      this.#isRung = false;
      // The waiting ends by itself, soon: with the connection, or after its block time.
    });
  }

  /** Closes its connection. */
  close(): void {
    this.#options.waiting.close();
  }

  async #takeAtOnce(demand: Demand): Promise<Batch[]> {
    const keys = [...demand.keys()];
    const limits = Array.from(demand.values(), (limit) => `${Math.min(limit, MOST_AT_ONCE)}`);
    for (let left = MOVES;; left--) {
      try {
        return await this.#takeFrom(keys, limits);
      } catch (error) {
        if (!isMoving(error) || left === 0) throw error;
        await pause(MOVING);
      }
    }
  }

  async #takeFrom(keys: readonly string[], limits: readonly string[]): Promise<Batch[]> {
    const names = keys.map((key) => this.#options.prefix + key);
    const read = (found: Reply) => this.#batches(found as [number, Reply][], keys);
    const [name = "", limit = ""] = [names[0], limits[0]];
    if (names.length > 1) {
      const found = await runScript((args) => this.#take(args, read), TAKE, names, limits);
      this.#noteSpoilt(names, found as [number, Reply][]);
      return read(found);
    }
    const readOne = (members: Reply) => read([[1, members]]);
    try {
      const members = await this.#take(["ZPOPMIN", name, limit], readOne);
      this.#noteSpoilt(names, []);
      return readOne(members);
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.#noteSpoilt(names, [[1, "WRONGTYPE"]]);
      return [];
    }
  }

  /** What is told of once: keys that hold something else than messages. The others' go on. */
  #noteSpoilt(names: readonly string[], found: readonly (readonly [number, unknown])[]): void {
    const spoilt = found.filter(([, members]) => !Array.isArray(members));
    const now = new Set(spoilt.map(([place]) => names[place - 1] ?? ""));
    for (const name of names) if (!now.has(name)) this.#spoilt.delete(name);
    for (const name of now) {
      if (this.#spoilt.has(name)) continue;
      this.#spoilt.add(name);
      const text = `The key ${name} in Redis holds something else than a channel's messages: ` +
        "nothing is received from it until it is deleted";
      process.emitWarning(text, "ChannelsWarning");
    }
  }

  #take(
    args: readonly Argument[],
    read: (reply: Reply) => readonly Batch[],
    blocksFor?: number,
  ): Promise<Reply> {
    return this.#options.waiting.take(args, (reply) => read(reply).map(this.#undoing), blocksFor);
  }

  /** The command that puts back what was taken. */
  readonly #undoing = ({ key, bodies }: Batch): Argument[] => {
    const places = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    return ["ZADD", this.#options.prefix + key, ...places];
  };

  /** What was taken from one key in two parts is one batch. */
  #batches(found: readonly (readonly [number, Reply])[], keys: readonly string[]): Batch[] {
    const batches = new Map<number, Batch>();
    for (const [place, members] of found) {
      if (!Array.isArray(members) || members.length === 0) continue;
      const bodies = this.#bodies(members as Buffer[]);
      const batch = batches.get(place);
      if (batch) batch.bodies.push(...bodies);
      else batches.set(place, { key: keys[place - 1] ?? "", bodies });
    }
    return [...batches.values()];
  }

  #bodies(members: readonly Buffer[]): StoredBody[] {
    const bodies: StoredBody[] = [];
    for (let at = 0; at + 1 < members.length; at += 2) {
      bodies.push(new TakenMember(members[at]!, members[at + 1]!, this));
    }
    return bodies;
  }

  async #waitFor(demand: Demand): Promise<Batch[]> {
    const { prefix, bell, waiting } = this.#options;
    const all = this.#inTurn([...demand.keys()]).map((key) => prefix + key);
    const names = all.filter((name) => !this.#spoilt.has(name));
    const wait = names.length < all.length ? LOOK_AGAIN : waiting.longestWait;
    const command: Argument[] = ["BZPOPMIN", bell, ...names, `${wait / 1000}`];
    const read = (reply: Reply): Batch[] => {
      const [name, ...members] = reply as Buffer[] | null ?? [];
      if (name === undefined || String(name) === bell) return [];
      return [{ key: String(name).slice(prefix.length), bodies: this.#bodies(members) }];
    };
    try {
      return read(await this.#take(command, read, wait));
    } catch (error) {
      // The next poll finds out which key it is, or where it has gone.
      if (isMoving(error)) await pause(MOVING);
      else if (!isWrongType(error)) throw error;
      return [];
    }
  }

  /** Redis looks at the keys in their order: each time another one comes first. */
  #inTurn(keys: readonly string[]): string[] {
    const first = this.#turn++ % keys.length;
    return [...keys.slice(first), ...keys.slice(0, first)];
  }
}

/**
 * The name of a bell that rings for a key, or for any.
 *
 * @param prefix What the names of the layer's keys start with.
 * @param key In a cluster, the bell must be where the key is.
 */
export function bellFor(prefix: string, key?: string): string {
  const bell = `:bell:${randomUUID()}`;
  if (key === undefined) return prefix + bell;
  const name = prefix + key;
  return (/\{[^}]+\}/.test(name) ? name : `{${name}}`) + bell;
}
