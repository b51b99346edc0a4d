import type { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { LayerSettings } from "../options.ts";
import type { Batch, Demand, Parcel, Store, StoredBody } from "../store.ts";
import { type Argument, Connection, type Reply } from "./connection.ts";
import { firstScore, packMembers, TakenMember } from "./members.ts";
import { APPEND, runScript } from "./scripts.ts";

/** How long one blocking command waits, in milliseconds. */
const BLOCK = 5_000;

/** How many messages, and how many bytes of them, one command sends. */
const MESSAGES_AT_ONCE = 500;
const BYTES_AT_ONCE = 4_194_304;

/**
 * Keeps bodies in the sorted sets of a Redis, where channels_redis keeps them.
 *
 * Two connections: one for commands, one that waits. To wake the one that waits, its poll also
 * waits for a key of its own, the bell: ringing can't be missed, wherever the poll just is.
 */
export class RedisStore implements Store {
  readonly #settings: LayerSettings;
  readonly #commands: Connection;
  readonly #waiting: Connection;
  readonly #bell: string;
  #blocked = false;
  /** Whether the poll that is under way is being woken already. */
  #rung = false;
  #turn = 0;

  constructor(url: string, name: string, settings: LayerSettings) {
    this.#settings = settings;
    this.#commands = new Connection(url, name);
    this.#waiting = new Connection(url, name);
    this.#bell = `${settings.prefix}:bell:${randomUUID()}`;
  }

  async append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    let accepted = 0;
    for (const some of portions(bodies)) {
      const taken = await this.#append(key, some, capacity);
      accepted += taken;
      if (taken < some.length) break;
    }
    return accepted;
  }

  async broadcast(parcels: readonly Parcel[]): Promise<void> {
    await Promise.all(
      parcels.map(({ key, body, capacity }) => this.#append(key, [body], capacity)),
    );
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    if (!wait) return await this.#takeAtOnce(demand);
    this.#blocked = true;
    try {
      return await this.#takeWaiting(demand);
    } finally {
      this.#blocked = this.#rung = false;
    }
  }

  interrupt(): void {
    if (!this.#blocked || this.#rung) return;
    this.#rung = true;
    this.#run(["ZADD", this.#bell, "0", "ring"], ["PEXPIRE", this.#bell, `${BLOCK * 2}`])
      .catch(() => {
        this.#rung = false;
        // The waiting ends by itself, soon: with the connection, or after its block time.
      });
  }

  async putBack(key: string, bodies: readonly StoredBody[]): Promise<void> {
    const name = this.#settings.prefix + key;
    const members = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    await this.#run(["ZADD", name, ...members], this.#expire(name, this.#settings.expiry));
  }

  async groupAdd(group: string, channel: string): Promise<void> {
    const key = this.#groupKey(group);
    const now = (Date.now() / 1000).toString();
    await this.#run(["ZADD", key, now, channel], this.#expire(key, this.#settings.groupExpiry));
  }

  async groupDiscard(group: string, channel: string): Promise<void> {
    await this.#run(["ZREM", this.#groupKey(group), channel]);
  }

  async groupMembers(group: string): Promise<string[]> {
    const key = this.#groupKey(group);
    const [, members] = await this.#run(
      ["ZREMRANGEBYSCORE", key, "-inf", oldestScore(this.#settings.groupExpiry)],
      ["ZRANGE", key, "0", "-1"],
    );
    return (members as Reply[]).map(String);
  }

  async flush(): Promise<void> {
    const pattern = this.#settings.prefix.replace(/[\\*?[\]]/g, "\\$&") + "*";
    let cursor = "0";
    do {
      const scan = ["SCAN", cursor, "MATCH", pattern, "COUNT", "1000"];
      const [next, keys] = await this.#commands.run(scan) as [Reply, Argument[]];
      if (keys.length > 0) await this.#commands.run(["UNLINK", ...keys]);
      cursor = String(next);
    } while (cursor !== "0");
  }

  async close(): Promise<void> {
    // Its answer comes after those of the commands that are under way.
    if (this.#commands.isOpen) await this.#run(["DEL", this.#bell]).catch(() => {});
    this.#commands.close();
    this.#waiting.close();
  }

  async #append(key: string, bodies: readonly Uint8Array[], capacity: number): Promise<number> {
    const { prefix, expiry } = this.#settings;
    const { lengths, members } = packMembers(bodies);
    const limits = [oldestScore(expiry), `${capacity}`, `${Math.ceil(expiry)}`];
    const count = bodies.length;
    const args = [...limits, `${count}`, `${firstScore(count)}`, lengths, members];
    return Number(await runScript(this.#commands, APPEND, prefix + key, args));
  }

  async #takeAtOnce(demand: Demand): Promise<Batch[]> {
    const { prefix } = this.#settings;
    const takings = await Promise.allSettled(
      Array.from(demand, async ([key, limit]): Promise<Batch> => {
        const flat = await this.#commands.run(["ZPOPMIN", prefix + key, `${limit}`]) as Buffer[];
        const bodies: StoredBody[] = [];
        for (let at = 0; at < flat.length; at += 2) {
          bodies.push(new TakenMember(flat[at]!, flat[at + 1]!));
        }
        return { key, bodies };
      }),
    );
    // What one key gave isn't lost with another's failure; that will show again.
    const batches = takings.filter((taking) => taking.status === "fulfilled")
      .map(({ value }) => value).filter(({ bodies }) => bodies.length > 0);
    const failure = takings.find((taking) => taking.status === "rejected");
    if (failure && batches.length === 0) throw failure.reason;
    return batches;
  }

  async #takeWaiting(demand: Demand): Promise<Batch[]> {
    const { prefix } = this.#settings;
    const names = this.#inTurn([...demand.keys()]).map((key) => prefix + key);
    const limit = Math.min(...demand.values());
    const keys = [`${names.length + 1}`, this.#bell, ...names];
    const command = ["BZMPOP", `${BLOCK / 1000}`, ...keys, "MIN", "COUNT", `${limit}`];
    const reply = await this.#waiting.run(command, BLOCK) as [Buffer, [Buffer, Buffer][]] | null;
    const name = String(reply?.[0] ?? this.#bell);
    if (reply === null || name === this.#bell) return [];
    const bodies = reply[1].map(([member, score]) => new TakenMember(member, score));
    return [{ key: name.slice(prefix.length), bodies }];
  }

  /** Redis looks at the keys in their order: each time another one comes first. */
  #inTurn(keys: readonly string[]): string[] {
    const first = this.#turn++ % keys.length;
    return [...keys.slice(first), ...keys.slice(0, first)];
  }

  /** Runs commands in one go. */
  #run(...commands: readonly Argument[][]): Promise<Reply[]> {
    return Promise.all(commands.map((command) => this.#commands.run(command)));
  }

  #expire(key: string, milliseconds: number): Argument[] {
    return ["PEXPIRE", key, `${Math.ceil(milliseconds)}`];
  }

  #groupKey(group: string): string {
    return `${this.#settings.prefix}:group:${group}`;
  }
}

/** The score of what is just too old. */
function oldestScore(age: number): string {
  return ((Date.now() - age) / 1000).toString();
}

/** Cuts a list of bodies into what one command may send. */
function* portions(bodies: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let portion: Uint8Array[] = [];
  let bytes = 0;
  for (const body of bodies) {
    if (portion.length === MESSAGES_AT_ONCE || bytes + body.length > BYTES_AT_ONCE) {
      if (portion.length > 0) yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(body);
    bytes += body.length;
  }
  if (portion.length > 0) yield portion;
}
