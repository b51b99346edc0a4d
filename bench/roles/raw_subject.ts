import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import { decode, encode } from "@msgpack/msgpack";
import { createClient, RESP_TYPES } from "redis";
import type { Message } from "@asgi/channels";
import type { WorkTask } from "../tasks.ts";
import type { Subject } from "./subject.ts";
import type { Tally } from "./tally.ts";

/** What each member of a channel's sorted set starts with, to be unique: so many random bytes. */
const RANDOM_BYTES = 12;

/** How many events one `ZPOPMIN` takes, and one `ZADD` of `sendMany` adds. */
const TAKEN_AT_ONCE = 128;
const ADDED_AT_ONCE = 100;

const EXPIRY = 600;

/** The least that a send has to do: purge, capacity, add, expire. */
const SEND_SCRIPT = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
`;

type Client = Awaited<ReturnType<typeof connect>>;

/** Plain node-redis, with the members of the same form: the limit of what a layer can reach. */
export class RawSubject implements Subject {
  readonly #client: Client;
  readonly #sha: string;
  readonly #capacity: number;

  private constructor(client: Client, sha: string, capacity: number) {
    this.#client = client;
    this.#sha = sha;
    this.#capacity = capacity;
  }

  /** Connects. */
  static async open(url: string, capacity: number): Promise<RawSubject> {
    const client = await connect(url);
    const sha = String(await client.sendCommand(["SCRIPT", "LOAD", SEND_SCRIPT]));
    return new RawSubject(client, sha, capacity);
  }

  async send(channel: string, event: Message): Promise<void> {
    const seconds = Date.now() / 1000;
    const limits = [`${seconds - EXPIRY}`, `${this.#capacity}`];
    const values = [`${seconds}`, memberOf(event), `${EXPIRY}`];
    const args = ["EVALSHA", this.#sha, "1", keyOf(channel), ...limits, ...values];
    if (await this.#client.sendCommand<number>(args) !== 1) throw new Error("The channel is full");
  }

  async sendMany(channel: string, events: readonly Message[]): Promise<void> {
    const commands: Promise<unknown>[] = [];
    for (let from = 0; from < events.length; from += ADDED_AT_ONCE) {
      const score = `${Date.now() / 1000}`;
      const some = events.slice(from, from + ADDED_AT_ONCE);
      const members = some.flatMap((event) => [score, memberOf(event)]);
      commands.push(this.#client.sendCommand(["ZADD", keyOf(channel), ...members]));
    }
    await Promise.all(commands);
  }

  acceptedBefore(error: unknown): number {
    throw error;
  }

  /** Takes many at once where many wait, and else one, for which it waits. */
  async work(
    { channels: [channel = ""] }: Pick<WorkTask, "channels">,
    tally: Tally,
    onListen: () => void,
  ): Promise<void> {
    const key = keyOf(channel);
    onListen();
    for (;;) {
      const taken = await this.#client.sendCommand<Buffer[]>([
        "ZPOPMIN",
        key,
        `${TAKEN_AT_ONCE}`,
      ]);
      for (let at = 0; at < taken.length; at += 2) handle(taken[at]!, tally);
      if (taken.length === 0) await this.#waitFor(key, tally);
    }
  }

  /** As long as none wait, one by one. */
  async #waitFor(key: string, tally: Tally): Promise<void> {
    for (;;) {
      const one = await this.#client.sendCommand<Buffer[] | null>(["BZPOPMIN", key, "5"]);
      if (one) handle(one[1]!, tally);
    }
  }
}

function handle(member: Buffer, tally: Tally): void {
  const event = decode(member.subarray(RANDOM_BYTES)) as Message;
  if (event.type === "bench.timed") tally.time(event.sentAt as number);
  else tally.count();
}

function keyOf(channel: string): string {
  return `asgi${channel}`;
}

const random = new Uint8Array(RANDOM_BYTES * 512);
let used = random.length;

function memberOf(event: Message): Buffer {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const body = encode(event);
  const member = Buffer.allocUnsafe(RANDOM_BYTES + body.length);
  member.set(random.subarray(used, used += RANDOM_BYTES));
  member.set(body, RANDOM_BYTES);
  return member;
}

async function connect(url: string) {
  const client = createClient({
    url,
    RESP: 2,
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    maintNotifications: "disabled",
    disableClientInfo: true,
  });
  client.on("error", () => {}); // Commands under way reject with it.
  return await client.connect();
}
