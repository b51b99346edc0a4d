import type { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import { isRejection, LayerConfigurationError } from "../../errors.ts";
import type { Batch, Demand, Source, StoredBody } from "../store.ts";
import { BatchLimit } from "./batch_limit.ts";
import { ring } from "./wake_up.ts";
import type { Argument, Reply } from "./connection/client.ts";
import type { Connection } from "./connection/connection.ts";
import { type Found, readFound } from "./wire_format.ts";
import { TakenMember } from "./wire_format.ts";
import { textsOf } from "./connection/client.ts";
import { runScript, TAKE } from "./scripts.ts";
import { ServerClock } from "./server_clock.ts";
import { WrongTypeKeys } from "./wrong_type_keys.ts";
import { FailoverGuard } from "./topology/failover_guard.ts";
import { isMoving, isWrongType } from "./connection/failures.ts";

/** How often to look whether a key that holds something else was deleted, in milliseconds. */
const LOOK_AGAIN = 1_000;

/** How often, and after how many milliseconds, to try again when a key has just moved. */
const MOVES = 20;
const MOVING = 50;

/** After how many milliseconds without a poll a connection of one key is given up. */
const IDLE = 5_000;

/** How soon to ring again after the server has rejected it, in milliseconds. */
const RING_AGAIN = 50;

/** How long one command may wait where access rules forbid to ring, in milliseconds. */
const LONGEST_WAIT_UNRUNG = 250;

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
  /** How long messages wait, in milliseconds. */
  readonly expiry: number;
  /** Told when it hasn't been polled for a while, and has left its connection. */
  readonly onIdle?: () => void;
}

/** A poll that is under way, and how it is woken. */
interface Poll {
  ringing?: Promise<void> | undefined;
  timer?: ReturnType<typeof setTimeout>;
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
  readonly #guard: FailoverGuard;
  readonly #clock: ServerClock;
  #poll: Poll | undefined;
  #mayRing = true;
  #turn = 0;
  #idling: ReturnType<typeof setTimeout> | undefined;
  readonly #limit = new BatchLimit();
  readonly #wrongType = new WrongTypeKeys();

  constructor(options: RedisSourceOptions) {
    this.#options = options;
    this.#guard = new FailoverGuard(options.waiting);
    this.#clock = new ServerClock(options.waiting);
  }

  async poll(demand: Demand, wait: boolean): Promise<Batch[]> {
    clearTimeout(this.#idling);
    const poll: Poll = this.#poll = {};
    try {
      await this.#options.waiting.open();
      const batches = await this.#takeAtOnce(demand);
      return wait && batches.length === 0 ? await this.#waitFor(demand) : batches;
    } finally {
      this.#poll = undefined;
      clearTimeout(poll.timer);
      this.#rest();
    }
  }

  /** @throws {LayerUnavailableError | LayerConfigurationError} If the server rejects it: it is retried. */
  async interrupt(): Promise<void> {
    const poll = this.#poll;
    if (poll) await (poll.ringing ??= this.#ring(poll));
  }

  /** Closes its connection. */
  async close(): Promise<void> {
    clearTimeout(this.#idling);
    await this.#options.waiting.close();
  }

  #rest(): void {
    const { onIdle, waiting } = this.#options;
    if (!onIdle || waiting.signal.aborted) return;
    this.#idling = setTimeout(() => {
      waiting.drop();
      onIdle();
    }, IDLE);
  }

  async #ring(poll: Poll): Promise<void> {
    const { bell, commands } = this.#options;
    try {
      await ring(bell, (command) => commands.run(command));
    } catch (error) {
      poll.ringing = undefined;
      const isForbidden = error instanceof LayerConfigurationError;
      if (isForbidden) this.#mayRing = false;
      else if (poll === this.#poll) {
        clearTimeout(poll.timer);
        poll.timer = setTimeout(() => this.interrupt().catch(() => {}), RING_AGAIN);
      }
      if (isRejection(error)) throw error;
    }
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
    const keys = this.#inTurn([...demand.keys()]);
    const limits = keys.map((key) => Math.min(demand.get(key) ?? 0, MOST_AT_ONCE));
    if (keys.length === 1 && this.#limit.canMeasure) {
      return await this.#takeFromOne(keys[0]!, limits[0]!);
    }
    const found = await this.#takeByBytes(keys, limits);
    const names = keys.map((key) => this.#options.prefix + key);
    const spoilt = found.filter(({ members }) => !members);
    this.#wrongType.note(names, spoilt.map(({ key }) => this.#options.prefix + key));
    return this.#batches(found);
  }

  /** Takes until there is nothing, or so many bytes have been taken. */
  async #takeByBytes(keys: readonly string[], limits: readonly number[]): Promise<Found[]> {
    const names = keys.map((key) => this.#options.prefix + key);
    const args = [...limits, this.#limit.bytes].map(String);
    const read = (reply: Reply | undefined) => readFound(reply, keys);
    return await runScript((command) => this.#takeInTime(command, read), TAKE, names, args);
  }

  async #takeFromOne(key: string, wanted: number): Promise<Batch[]> {
    const name = this.#options.prefix + key;
    const limit = this.#limit;
    const count = Math.min(wanted, limit.countFor(name));
    try {
      const [members, size] = await Promise.all([
        this.#popFrom(key, count),
        limit.hasMore(name) ? this.#measure(name, wanted) : undefined,
      ]);
      this.#wrongType.note([name], []);
      const isFull = members.length >= 2 * count;
      const found = [{ key, members }];
      if (isFull && !size && count < wanted) {
        return this.#batches([...found, ...await this.#takeMore(key, wanted - count)]);
      }
      limit.noteKey(name, isFull, size);
      return this.#batches(found);
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.#wrongType.note([name], [name]);
      return [];
    }
  }

  /** Takes more from a key that nothing is known of; what was taken before isn't lost if that fails. */
  async #takeMore(key: string, wanted: number): Promise<Found[]> {
    const name = this.#options.prefix + key;
    const [found, size] = await Promise.all([
      this.#takeByBytes([key], [wanted]).catch(() => []),
      this.#measure(name, wanted),
    ]);
    this.#limit.noteKey(name, false, size);
    return found;
  }

  async #popFrom(key: string, count: number): Promise<readonly Buffer[]> {
    const read = (reply: Reply | undefined) => [{ key, members: textsOf(reply) }];
    const command = ["ZPOPMIN", this.#options.prefix + key, `${count}`];
    return (await this.#takeInTime(command, read))[0]!.members;
  }

  #measure(name: string, count: number): Promise<number | undefined> {
    return this.#limit.measure(name, count, (args) => this.#options.waiting.run(args));
  }

  /** Takes what is there at once, and notes how long that takes. */
  async #takeInTime<F extends Found>(
    args: readonly Argument[],
    read: (reply: Reply | undefined) => F[],
  ): Promise<F[]> {
    const start = performance.now();
    const found = await this.#take(args, read);
    let bytes = 0;
    for (const { members = [] } of found) for (const { length } of members) bytes += length;
    this.#limit.noteTime(bytes, performance.now() - start);
    return found;
  }

  async #take<F extends Found>(
    args: readonly Argument[],
    read: (reply: Reply | undefined) => F[],
    blocksFor?: number,
  ): Promise<F[]> {
    const undo = (reply: Reply) => this.#batches(read(reply)).flatMap(this.#undoing);
    const taking = this.#guard.take(args, undo, blocksFor);
    if (!blocksFor && this.#clock.isDue) await Promise.all([taking, this.#clock.ask()]);
    return this.#options.waiting.read(await taking, read);
  }

  /** The commands that put back what was taken. */
  readonly #undoing = ({ key, bodies }: Batch): Argument[][] => {
    const { prefix, expiry } = this.#options;
    const places = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    return [["ZADD", prefix + key, ...places], ["PEXPIRE", prefix + key, `${Math.ceil(expiry)}`]];
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
    const good = keys.filter((key) => !this.#wrongType.has(prefix + key));
    const longest = this.#mayRing ? waiting.longestWait : LONGEST_WAIT_UNRUNG;
    const wait = good.length < keys.length ? Math.min(LOOK_AGAIN, longest) : longest;
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
