import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { LayerUnavailableError, type Message, RedisChannelLayer } from "@asgi/channels";
import { temporaryFolder } from "../../tests/helpers/temporary.ts";
import { pass } from "../chaos/fault.ts";
import { readHandled } from "../chaos/journal.ts";
import { RedisPlace } from "../chaos/redis_stage.ts";
import { type Compared, EXTRA } from "./compared.ts";
import type { Peer } from "./peers.ts";

/** What has become of the 100 events, and of the worker. */
export interface Outcome {
  readonly handled: number;
  readonly twice: number;
  readonly left: number;
  readonly lost: number;
  /** Whether it handled what the fault sent besides. */
  readonly isExtra: boolean;
  /** Its exit code, if it ended by itself or because it was told to. */
  readonly end: number | undefined;
}

/** How many events are sent before a fault, and again after it. */
const HALF = 50;

/** How long nothing happens at the end until all is taken for done, in milliseconds. */
const QUIET = 3_000;

/** What a fault may touch. */
export interface Scene {
  readonly redis: RedisPlace;
  readonly kill: (signal: Deno.Signal) => void;
  /** Sends some more to the worker's channel. */
  readonly send: (message: Message) => Promise<void>;
}

/** Starts a worker, sends 50 events, lets a fault happen in the middle of them, and sends 50 more. */
export async function play(peer: Peer, fault: Compared): Promise<Outcome> {
  await using folder = await temporaryFolder();
  await using redis = new RedisPlace(folder.path);
  const { prepare = (redis) => redis.start(), isAtStart = false } = fault;
  await prepare(redis);
  const journals: string[] = [];
  const workers = Array.from({ length: fault.workers ?? 1 }, (_, number) => {
    const journal = `${folder.path}/handled-${number}.txt`;
    Deno.writeTextFileSync(journal, "");
    journals.push(journal);
    const env = { CHAOS_JOURNAL: journal, ...fault.env };
    return new Worker(peer, redis.proxy.url, env, fault.shell);
  });
  const handled = () => journals.flatMap(readHandled);
  const [worker] = workers;
  if (!isAtStart) await Promise.all(workers.map((each) => each.up));
  await using layer = new RedisChannelLayer({ url: redis.url, capacity: 1_000 });
  const send = (message: Message) => layer.send("a", message);
  const scene: Scene = { redis, send, kill: (signal) => worker?.kill(signal) };
  const { event = (id) => ({ type: "steady", id }), act } = fault;
  if (!isAtStart) {
    for (let id = 0; id < HALF; id++) await send(event(id));
    await until(() => handled().length >= 5 || fault.handlesNone === true);
  }
  await act(scene);
  for (let id = isAtStart ? 0 : HALF; id < 2 * HALF; id++) {
    await sendAtLast(send, event(id));
  }
  await untilQuiet(() => handled().length, fault.quiet ?? QUIET);
  const end = worker?.code;
  const ids = handled().filter((id) => id !== EXTRA);
  const isExtra = handled().includes(EXTRA);
  const different = new Set(ids).size;
  for (const each of workers) await each.stop();
  const left = Number(await redis.server.cli("ZCARD", "asgia"));
  const lost = Math.max(0, 2 * HALF - different - left);
  return { handled: different, twice: ids.length - different, left, lost, isExtra, end };
}

/** A worker's process. */
class Worker {
  readonly #process: Deno.ChildProcess;
  readonly up: Promise<void>;
  code: number | undefined;

  constructor(peer: Peer, url: string, env: Record<string, string>, shell = 'exec "$@"') {
    const { args, cwd } = peer.command(url);
    this.#process = new Deno.Command("sh", {
      args: ["-c", shell, "sh", ...args],
      cwd,
      env: { ...peer.env(url), ...env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#process.status.then(({ code }) => this.code = code);
    this.up = this.#read(peer.says);
  }

  kill(signal: Deno.Signal): void {
    if (this.code === undefined) this.#process.kill(signal);
  }

  async stop(): Promise<void> {
    this.kill("SIGKILL");
    await this.#process.status;
    await this.up.catch(() => {});
  }

  #read(says: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => {});
    (async () => {
      for await (const line of createInterface({ input: Readable.fromWeb(this.#process.stderr) })) {
        if (Deno.env.has("CHAOS_SHOW")) console.error(line);
        if (line.includes(says)) resolve();
      }
      reject(new Error("The worker never said that it was up"));
    })();
    return promise;
  }
}

async function sendAtLast(send: Scene["send"], message: Message): Promise<void> {
  for (;;) {
    try {
      return await send(message);
    } catch (error) {
      if (!(error instanceof LayerUnavailableError)) throw error;
      await pass(100);
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition() && Date.now() < end;) await pass(5);
}

/** Waits until a number hasn't changed for a while. */
async function untilQuiet(numberOf: () => number, milliseconds: number): Promise<void> {
  for (let last = -1; numberOf() !== last;) {
    last = numberOf();
    await pass(milliseconds);
  }
}
