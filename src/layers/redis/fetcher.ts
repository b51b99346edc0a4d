import type { Buffer } from "node:buffer";
import { warn } from "../warnings.ts";
import type { Batch, Source, StoredBody } from "../store.ts";
import { BatchLimit } from "./batch_limit.ts";
import { type Argument, type Reply, textsOf } from "./connection/client.ts";
import { type Connection, runScript, script } from "./connection/connection.ts";
import { failureOf } from "./connection/failures.ts";
import { ServerClock } from "./server_clock.ts";
import { FailoverGuard, requeueTaken } from "./topology/failover_guard.ts";
import { type Found, readFound, TakenMember } from "./wire_format.ts";

/** The most messages that are removed from a key at once. */
const MAX_AT_ONCE = 1_024;

/** Options for a {@linkcode Fetcher}. */
export interface FetcherOptions {
  readonly connection: Connection;
  readonly prefix: string;
  /** How long messages wait, in milliseconds. */
  readonly expiry: number;
  /** The source of the messages, which a requeue needs. */
  readonly source: Source;
}

type ReadFound<F extends Found> = (reply: Reply | undefined) => F[];

/** Removes messages from the sorted sets of some keys, in batches that the network can carry. */
export class Fetcher {
  readonly #options: FetcherOptions;
  /** If another server can replace this one. */
  readonly #guard: FailoverGuard | undefined;
  readonly #clock: ServerClock;
  readonly #limit = new BatchLimit();
  /** The keys that hold data of another type: there is one warning for each. */
  readonly #wrongType = new Set<string>();

  constructor(options: FetcherOptions) {
    this.#options = options;
    const { connection } = options;
    this.#guard = connection.server.isCurrent && new FailoverGuard(connection);
    this.#clock = new ServerClock(connection);
  }

  /** Returns whether a key held data of another type when it was last read. */
  hasWrongType(key: string): boolean {
    return this.#wrongType.has(this.#options.prefix + key);
  }

  /** Removes what some keys hold, up to the number for each, without waiting. */
  async fetch(keys: readonly string[], counts: readonly number[]): Promise<Batch[]> {
    const limits = counts.map((count) => Math.min(count, MAX_AT_ONCE));
    if (keys.length === 1 && this.#limit.canMeasure) {
      return await this.#fetchFromOne(keys[0]!, limits[0]!);
    }
    const found = await this.#fetchByBytes(keys, limits);
    this.#noteTypes(keys, found.filter(({ members }) => !members).map(({ key }) => key));
    return this.#batches(found);
  }

  /**
   * Waits for a message of some keys, for the wake-up key, or until the timeout, and removes it.
   */
  async wait(wakeUpKey: string, keys: readonly string[], timeout: number): Promise<Batch[]> {
    const { prefix } = this.#options;
    const names = [wakeUpKey, ...keys.map((key) => prefix + key)];
    const read = (reply: Reply | undefined): Found[] => {
      const [name, ...members] = textsOf(reply);
      const key = keys.find((known) => prefix + known === String(name));
      return key === undefined ? [] : [{ key, members }];
    };
    const found = await this.#take(["BZPOPMIN", ...names, `${timeout / 1000}`], read, timeout);
    return this.#batches(found).map(this.#checkArrival);
  }

  /**
   * Removes what several keys hold. A script blocks all other clients, so it removes at most 2,048
   * members: of each key its share, and what the other keys leave of theirs. It stops after a
   * number of bytes, which it checks after every 16 members at least.
   *
   * Returns the index of each key that held something, with the reply of `ZPOPMIN`, possibly more
   * than once; for a key of another type, a string instead. Members of one key are returned despite
   * the error of another key, which will show again.
   */
  static readonly #FETCH = script(`
local keys, counts, bytes = KEYS, ARGV, tonumber(ARGV[#KEYS + 1])
local found, failure, left, share = {}, nil, 2048, math.ceil(2048 / #keys)
local function pop(index, count)
  local popped = redis.pcall('ZPOPMIN', keys[index], count)
  if popped.err and not string.find(popped.err, 'WRONGTYPE') then failure = popped
  elseif popped.err then found[#found + 1] = { index, 'WRONGTYPE' }
  elseif #popped > 0 then
    found[#found + 1] = { index, popped }
    for at = 1, #popped, 2 do bytes = bytes - #popped[at] end
    return #popped / 2
  end
  return 0
end
local function fetch(index, count)
  local total, size = 0, 16
  while total < count and bytes > 0 do
    local wanted, before = math.min(count - total, size), bytes
    local popped = pop(index, wanted)
    total = total + popped
    size = math.max(1, math.min(16, math.floor(bytes * popped / (before - bytes + 1))))
    if popped < wanted then break end
  end
  left = left - total
  return total
end
local more = {}
for index in ipairs(keys) do
  local count = math.min(counts[index], share)
  local is_full = fetch(index, count) == count
  if is_full and count < tonumber(counts[index]) then more[#more + 1] = index end
end
for _, index in ipairs(more) do
  if left > 0 then fetch(index, math.min(counts[index] - share, left)) end
end
if failure and #found == 0 then return failure end
return found
`);

  async #fetchByBytes(keys: readonly string[], counts: readonly number[]): Promise<Found[]> {
    const names = keys.map((key) => this.#options.prefix + key);
    const args = [...counts, this.#limit.bytes].map(String);
    const read = (reply: Reply | undefined) => readFound(reply, keys);
    return await runScript(
      (command) => this.#takeTimed(command, read),
      Fetcher.#FETCH,
      names,
      args,
    );
  }

  async #fetchFromOne(key: string, wanted: number): Promise<Batch[]> {
    const name = this.#options.prefix + key;
    const limit = this.#limit;
    const count = Math.min(wanted, limit.countFor(name));
    try {
      const [members, size] = await Promise.all([
        this.#popFrom(key, count),
        limit.hasMore(name) ? this.#measure(name, wanted) : undefined,
      ]);
      this.#noteTypes([key], []);
      const isFull = members.length >= 2 * count;
      const found = [{ key, members }];
      if (isFull && !size && count < wanted) {
        return this.#batches([...found, ...await this.#fetchMore(key, wanted - count)]);
      }
      limit.noteKey(name, isFull, size);
      return this.#batches(found);
    } catch (error) {
      if (failureOf(error)?.kind !== "wrongType") throw error;
      this.#noteTypes([key], [key]);
      return [];
    }
  }

  /**
   * Removes more from a key of unknown size; if that fails, what was removed before is not lost.
   */
  async #fetchMore(key: string, wanted: number): Promise<Found[]> {
    const name = this.#options.prefix + key;
    const [found, size] = await Promise.all([
      this.#fetchByBytes([key], [wanted]).catch(() => []),
      this.#measure(name, wanted),
    ]);
    this.#limit.noteKey(name, false, size);
    return found;
  }

  async #popFrom(key: string, count: number): Promise<readonly Buffer[]> {
    const read = (reply: Reply | undefined) => [{ key, members: textsOf(reply) }];
    const command = ["ZPOPMIN", this.#options.prefix + key, `${count}`];
    return (await this.#takeTimed(command, read))[0]!.members;
  }

  #measure(name: string, count: number): Promise<number | undefined> {
    return this.#limit.measure(name, count, this.#options.connection.run);
  }

  /** Runs a command that does not block, and notes how long that takes. */
  async #takeTimed<F extends Found>(
    args: readonly Argument[],
    read: ReadFound<F>,
  ): Promise<F[]> {
    const start = performance.now();
    const found = await this.#take(args, read);
    let bytes = 0;
    for (const { members = [] } of found) for (const { length } of members) bytes += length;
    this.#limit.noteTime(bytes, performance.now() - start);
    return found;
  }

  /** Runs a command that removes messages, and asks for the time along with it if that is due. */
  async #take<F extends Found>(
    args: readonly Argument[],
    read: ReadFound<F>,
    blocksFor = 0,
  ): Promise<F[]> {
    const { connection } = this.#options;
    const requeue = (reply: Reply) => this.#batches(read(reply)).flatMap(this.#requeuing);
    const onLateReply = (reply: Reply) => void requeueTaken(connection, requeue(reply));
    const taking = this.#guard?.take(args, requeue, blocksFor) ??
      connection.run(args, { blocksFor, onLateReply });
    if (!blocksFor && this.#clock.isDue) await Promise.all([taking, this.#clock.ask()]);
    return connection.read(await taking, read);
  }

  /** Returns the commands that requeue a batch. */
  readonly #requeuing = ({ key, bodies }: Batch): Argument[][] => {
    const { prefix, expiry } = this.#options;
    const members = bodies.flatMap(({ position }) => position as TakenMember["position"]);
    return [["ZADD", prefix + key, ...members], ["PEXPIRE", prefix + key, `${Math.ceil(expiry)}`]];
  };

  /** Returns a batch for each key; what was removed from it in two parts is one batch. */
  #batches(found: readonly Found[]): Batch[] {
    const { prefix, expiry } = this.#options;
    const batches = new Map<string, Batch>();
    for (const { key, members = [] } of found) {
      if (members.length === 0) continue;
      const bodies = this.#bodies(members);
      this.#clock.checkNewest(prefix + key, bodies.at(-1)!.expiresAt - expiry);
      const batch = batches.get(key);
      if (batch) batch.bodies.push(...bodies);
      else batches.set(key, { key, bodies });
    }
    return [...batches.values()];
  }

  #bodies(members: readonly Buffer[]): StoredBody[] {
    const { expiry, source } = this.#options;
    const lifetime = this.#clock.offset + expiry;
    const bodies: StoredBody[] = [];
    for (let at = 0; at + 1 < members.length; at += 2) {
      bodies.push(new TakenMember(members[at]!, members[at + 1]!, lifetime, source));
    }
    return bodies;
  }

  readonly #checkArrival = (batch: Batch): Batch => {
    const { prefix, expiry } = this.#options;
    this.#clock.checkArrival(prefix + batch.key, batch.bodies[0]!.expiresAt - expiry, expiry);
    return batch;
  };

  /** Notes which of some keys hold data of another type. */
  #noteTypes(keys: readonly string[], wrong: readonly string[]): void {
    const { prefix } = this.#options;
    for (const key of keys) if (!wrong.includes(key)) this.#wrongType.delete(prefix + key);
    for (const key of wrong) {
      const name = prefix + key;
      if (this.#wrongType.has(name)) continue;
      this.#wrongType.add(name);
      warn(
        `The key ${name} in Redis holds something other than a channel's messages: ` +
          "nothing is received from it until it is deleted",
      );
    }
  }
}
