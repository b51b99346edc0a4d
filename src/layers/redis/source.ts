import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { isRejection, LayerConfigurationError } from "../../errors/mod.ts";
import type { Batch, PollLimits, Source } from "../store.ts";
import { type Connection, runScript, script } from "./connection/connection.ts";
import { failureOf } from "./connection/failures.ts";
import { Fetcher } from "./fetcher.ts";

/**
 * How often to check whether a key that holds data of another type was deleted, in milliseconds.
 */
const TYPE_CHECK_INTERVAL = 1_000;

/** How often to retry while a key moves to another server, and the delay in milliseconds. */
const MAX_MOVES = 20;
const MOVE_DELAY = 50;

/** After how many milliseconds without a poll the connection of a single key is closed. */
const IDLE_TIMEOUT = 5_000;

/** How long a wake-up key exists if no command waits for it, in milliseconds. */
const WAKE_UP_EXPIRY = 10_000;

/** The delay before a wake-up is retried that the server has rejected, in milliseconds. */
const WAKE_UP_DELAY = 50;

/** How long a command may block if the access rules deny wake-ups, in milliseconds. */
const MAX_BLOCKING_WITHOUT_WAKE_UP = 250;

/** Options for a {@linkcode RedisSource}. */
export interface RedisSourceOptions {
  /** The connection that waits: it is used for nothing else. */
  readonly waiting: Connection;
  /** The connection that wakes it up. */
  readonly commands: Connection;
  readonly prefix: string;
  readonly wakeUpKey: string;
  /** How long messages wait, in milliseconds. */
  readonly expiry: number;
  /** Called after it was not polled for a while, and has closed its connection. */
  readonly onIdle?: () => void;
}

/** A poll in progress, and its wake-up. */
interface Poll {
  wakingUp?: Promise<void> | undefined;
  timer?: ReturnType<typeof setTimeout>;
}

/**
 * Receives from the sorted sets of some keys, over a connection of its own.
 *
 * It first removes what all keys hold. Only if that is nothing, it waits with one blocking command
 * for all keys and for a wake-up key: a wake-up cannot be missed, whatever the poll is doing.
 */
export class RedisSource implements Source {
  readonly #options: RedisSourceOptions;
  readonly #fetcher: Fetcher;
  #poll: Poll | undefined;
  #canWakeUp = true;
  #turn = 0;
  #idling: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RedisSourceOptions) {
    const { waiting: connection, prefix, expiry } = options;
    this.#options = options;
    this.#fetcher = new Fetcher({ connection, prefix, expiry, source: this });
  }

  async poll(demand: PollLimits, wait: boolean): Promise<Batch[]> {
    clearTimeout(this.#idling);
    const poll: Poll = this.#poll = {};
    try {
      await this.#options.waiting.open();
      const batches = await this.#fetch(demand);
      return wait && batches.length === 0 ? await this.#waitFor(demand) : batches;
    } finally {
      this.#poll = undefined;
      clearTimeout(poll.timer);
      this.#rest();
    }
  }

  /**
   * @throws {LayerUnavailableError | LayerConfigurationError} If the server rejects it: it is
   * retried.
   */
  async interrupt(): Promise<void> {
    const poll = this.#poll;
    if (poll) await (poll.wakingUp ??= this.#wakeUp(poll));
  }

  /** Closes its connection. */
  async close(): Promise<void> {
    clearTimeout(this.#idling);
    await this.#options.waiting.close();
  }

  async #fetch(demand: PollLimits): Promise<Batch[]> {
    for (let left = MAX_MOVES;; left--) {
      try {
        const keys = this.#inTurn([...demand.keys()]);
        return await this.#fetcher.fetch(keys, keys.map((key) => demand.get(key) ?? 0));
      } catch (error) {
        if (failureOf(error)?.kind !== "moving" || left === 0) throw error;
        await pause(MOVE_DELAY);
      }
    }
  }

  async #waitFor(demand: PollLimits): Promise<Batch[]> {
    const { waiting, wakeUpKey } = this.#options;
    const keys = this.#inTurn([...demand.keys()]);
    const valid = keys.filter((key) => !this.#fetcher.hasWrongType(key));
    const longest = this.#canWakeUp ? waiting.maxBlocking : MAX_BLOCKING_WITHOUT_WAKE_UP;
    const timeout = valid.length < keys.length ? Math.min(TYPE_CHECK_INTERVAL, longest) : longest;
    try {
      return await this.#fetcher.wait(wakeUpKey, valid, timeout);
    } catch (error) {
      // The next poll finds out which key has the wrong type, or where it has moved.
      const kind = failureOf(error)?.kind;
      if (kind === "moving") await pause(MOVE_DELAY);
      else if (kind !== "wrongType") throw error;
      return [];
    }
  }

  /** Redis checks the keys in their order: each time, another one is the first. */
  #inTurn(keys: readonly string[]): string[] {
    const first = this.#turn++ % keys.length;
    return [...keys.slice(first), ...keys.slice(0, first)];
  }

  /**
   * Creates the wake-up key. A server that is out of memory rejects `ZADD`, but nothing that a
   * script does after its first write; the blocking command removes the few bytes immediately.
   */
  static readonly #WAKE_UP = script(`
local wake_up_key = KEYS[1]
local expiry = unpack(ARGV)
redis.call('DEL', wake_up_key)
redis.call('ZADD', wake_up_key, 0, 'ring')
redis.call('PEXPIRE', wake_up_key, expiry)
return 1
`);

  async #wakeUp(poll: Poll): Promise<void> {
    const { wakeUpKey, commands } = this.#options;
    try {
      await runScript(commands.run, RedisSource.#WAKE_UP, [wakeUpKey], [`${WAKE_UP_EXPIRY}`]);
    } catch (error) {
      poll.wakingUp = undefined;
      const isDenied = error instanceof LayerConfigurationError;
      if (isDenied) this.#canWakeUp = false;
      else if (poll === this.#poll) {
        clearTimeout(poll.timer);
        poll.timer = setTimeout(() => this.interrupt().catch(() => {}), WAKE_UP_DELAY);
      }
      if (isRejection(error)) throw error;
    }
  }

  #rest(): void {
    const { onIdle, waiting } = this.#options;
    if (!onIdle || waiting.signal.aborted) return;
    this.#idling = setTimeout(() => {
      waiting.drop();
      onIdle();
    }, IDLE_TIMEOUT);
  }
}

/**
 * Returns the name of a wake-up key: a blocking command also waits for it, to be woken up by it.
 *
 * @param prefix The prefix of the layer's keys.
 * @param key The key that must be on the same server of a cluster.
 */
export function wakeUpKeyFor(prefix: string, key?: string): string {
  const end = `:wake-up:${randomUUID()}`;
  if (key === undefined) return prefix + end;
  const name = prefix + key;
  return (/\{[^}]+\}/.test(name) ? name : `{${name}}`) + end;
}
