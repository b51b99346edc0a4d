import type { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { Batch, Demand, Source, StoredBody } from "../store.ts";
import type { Argument, Reply } from "./client.ts";
import type { Connection } from "./connection.ts";
import { TakenMember } from "./members.ts";
import { countOf, listOf, textsOf } from "./replies.ts";
import { runScript, TAKE } from "./scripts.ts";

/** How long the bell goes on ringing, in milliseconds, if nobody hears it. */
const RINGING = 10_000;

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
    const { prefix } = this.#options;
    const keys = [...demand.keys()];
    const limits = Array.from(demand.values(), String);
    const [key = "", limit = ""] = [keys[0], limits[0]];
    if (keys.length === 1) {
      const read = (members: Reply | undefined) =>
        this.#batches([{ key, members: textsOf(members) }]);
      return await this.#take(["ZPOPMIN", prefix + key, limit], read);
    }
    const names = keys.map((name) => prefix + name);
    const read = (reply: Reply | undefined) => this.#batches(readFound(reply, keys));
    return await runScript((args) => this.#take(args, read), TAKE, names, limits);
  }

  async #take(
    args: readonly Argument[],
    read: (reply: Reply | undefined) => Batch[],
    blocksFor?: number,
  ): Promise<Batch[]> {
    const undo = (reply: Reply) => read(reply).map(this.#undoing);
    const { waiting } = this.#options;
    return waiting.read(await waiting.take(args, undo, blocksFor), read);
  }

  /** The command that puts back what was taken. */
  readonly #undoing = ({ key, bodies }: Batch): Argument[] => {
    const places = bodies.flatMap(({ place }) => place as TakenMember["place"]);
    return ["ZADD", this.#options.prefix + key, ...places];
  };

  #batches(found: readonly Found[]): Batch[] {
    return found.filter(({ members }) => members.length > 1)
      .map(({ key, members }) => ({ key, bodies: this.#bodies(members) }));
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
    const keys = this.#inTurn([...demand.keys()]);
    const wait = waiting.longestWait;
    const names = [bell, ...keys.map((key) => prefix + key)];
    const read = (reply: Reply | undefined): Batch[] => {
      const [name, ...members] = textsOf(reply);
      const key = keys.find((known) => prefix + known === String(name));
      return key === undefined ? [] : this.#batches([{ key, members }]);
    };
    return await this.#take(["BZPOPMIN", ...names, `${wait / 1000}`], read, wait);
  }

  /** Redis looks at the keys in their order: each time another one comes first. */
  #inTurn(keys: readonly string[]): string[] {
    const first = this.#turn++ % keys.length;
    return [...keys.slice(first), ...keys.slice(0, first)];
  }
}

/** What was taken of a key: each member is followed by its score. */
interface Found {
  readonly key: string;
  readonly members: readonly Buffer[];
}

/** Reads what the script has found. */
function readFound(reply: Reply | undefined, keys: readonly string[]): Found[] {
  return listOf(reply).map((item) => {
    const [place, members] = listOf(item);
    return { key: keys[countOf(place) - 1] ?? "", members: textsOf(members) };
  });
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
