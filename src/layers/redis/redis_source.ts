import type { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import type { Batch, Demand, Source, StoredBody } from "../store.ts";
import { ringing } from "./bell.ts";
import type { Argument, Reply } from "./client/client.ts";
import type { Connection } from "./connection.ts";
import { type Found, readFound } from "./found.ts";
import { TakenMember } from "./members.ts";
import { textsOf } from "./replies.ts";
import { runScript, TAKE } from "./scripts.ts";
import { ServerClock } from "./server_clock.ts";
import { SpoiltKeys } from "./spoilt_keys.ts";
import { Taker } from "./taker.ts";
import { isMoving, isWrongType } from "./trouble.ts";

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
  /** How long a message may wait, in milliseconds. */
  readonly expiry: number;
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
  readonly #taker: Taker;
  readonly #clock: ServerClock;
  #isPolling = false;
  /** Whether the poll that is under way is being woken already. */
  #isRung = false;
  #turn = 0;
  readonly #spoilt = new SpoiltKeys();

  constructor(options: RedisSourceOptions) {
    this.#options = options;
    this.#taker = new Taker(options.waiting);
    this.#clock = new ServerClock(options.waiting);
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    this.#isPolling = true;
    try {
      await this.#options.waiting.open();
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
    Promise.all(ringing(bell).map((command) => commands.run(command))).catch(() => {
      this.#isRung = false;
      // The waiting ends by itself, soon: with the connection, or after its block time.
    });
  }

  /** Closes its connection. */
  close(): void {
    this.#options.waiting.close();
  }

  async #takeAtOnce(demand: Demand): Promise<Batch[]> {
    for (let left = MOVES;; left--) {
      try {
        return await this.#takeFrom(demand);
      } catch (error) {
        if (!isMoving(error) || left === 0) throw error;
        await pause(MOVING);
      }
    }
  }

  async #takeFrom(demand: Demand): Promise<Batch[]> {
    const keys = [...demand.keys()];
    const names = keys.map((key) => this.#options.prefix + key);
    const limits = Array.from(demand.values(), (limit) => `${Math.min(limit, MOST_AT_ONCE)}`);
    if (keys.length === 1) return await this.#takeFromOne(keys[0]!, names, limits);
    const read = (reply: Reply | undefined) => readFound(reply, keys);
    const found = await runScript((args) => this.#take(args, read), TAKE, names, limits);
    const spoilt = found.filter(({ members }) => !members);
    this.#spoilt.note(names, spoilt.map(({ key }) => this.#options.prefix + key));
    return this.#batches(found);
  }

  async #takeFromOne(
    key: string,
    names: readonly string[],
    limits: readonly string[],
  ): Promise<Batch[]> {
    const read = (reply: Reply | undefined) => [{ key, members: textsOf(reply) }];
    try {
      const found = await this.#take(["ZPOPMIN", ...names, ...limits], read);
      this.#spoilt.note(names, []);
      return this.#batches(found);
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.#spoilt.note(names, names);
      return [];
    }
  }

  async #take(
    args: readonly Argument[],
    read: (reply: Reply | undefined) => Found[],
    blocksFor?: number,
  ): Promise<Found[]> {
    const undo = (reply: Reply) => this.#batches(read(reply)).map(this.#undoing);
    const taking = this.#taker.take(args, undo, blocksFor);
    if (!blocksFor && this.#clock.isDue) await Promise.all([taking, this.#clock.ask()]);
    return this.#options.waiting.read(await taking, read);
  }

  /** The command that puts back what was taken. */
  readonly #undoing = ({ key, bodies }: Batch): Argument[] => {
    const places = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    return ["ZADD", this.#options.prefix + key, ...places];
  };

  /** What was taken from one key in two parts is one batch. */
  #batches(found: readonly Found[]): Batch[] {
    const batches = new Map<string, Batch>();
    for (const { key, members = [] } of found) {
      if (members.length === 0) continue;
      const bodies = this.#bodies(members);
      this.#clock.checkNewest(this.#options.prefix + key, bodies.at(-1)!.sentAt);
      const batch = batches.get(key);
      if (batch) batch.bodies.push(...bodies);
      else batches.set(key, { key, bodies });
    }
    return [...batches.values()];
  }

  #bodies(members: readonly Buffer[]): StoredBody[] {
    const { offset } = this.#clock;
    const bodies: StoredBody[] = [];
    for (let at = 0; at + 1 < members.length; at += 2) {
      bodies.push(new TakenMember(members[at]!, members[at + 1]!, offset, this));
    }
    return bodies;
  }

  async #waitFor(demand: Demand): Promise<Batch[]> {
    const { prefix, bell, waiting } = this.#options;
    const keys = this.#inTurn([...demand.keys()]);
    const good = keys.filter((key) => !this.#spoilt.has(prefix + key));
    const wait = good.length < keys.length ? LOOK_AGAIN : waiting.longestWait;
    const names = [bell, ...good.map((key) => prefix + key)];
    const read = (reply: Reply | undefined): Found[] => {
      const [name, ...members] = textsOf(reply);
      const key = good.find((known) => prefix + known === String(name));
      return key === undefined ? [] : [{ key, members }];
    };
    try {
      const found = await this.#take(["BZPOPMIN", ...names, `${wait / 1000}`], read, wait);
      return this.#batches(found).map(this.#noteArrival);
    } catch (error) {
      // The next poll finds out which key it is, or where it has gone.
      if (isMoving(error)) await pause(MOVING);
      else if (!isWrongType(error)) throw error;
      return [];
    }
  }

  readonly #noteArrival = (batch: Batch): Batch => {
    const { prefix, expiry } = this.#options;
    this.#clock.checkArrival(prefix + batch.key, batch.bodies[0]!.sentAt, expiry);
    return batch;
  };

  /** Redis looks at the keys in their order: each time another one comes first. */
  #inTurn(keys: readonly string[]): string[] {
    const first = this.#turn++ % keys.length;
    return [...keys.slice(first), ...keys.slice(0, first)];
  }
}
