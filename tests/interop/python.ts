import { type Program, say, watch } from "../helpers/program.ts";
import { redisMissing, type RedisServer, startRedis } from "../helpers/redis.ts";
import { within } from "../helpers/waiting.ts";

const PYTHON = "/usr/bin/python3";
const SITE = new URL("site/", import.meta.url).pathname;
const NEEDED: readonly string[] = ["channels", "channels_redis", "django", "cryptography"];

/** `CONFIG` of Django's settings, in seconds, and the class if it isn't the usual one. */
export interface PythonLayerConfig {
  readonly name?: "JsonRedisChannelLayer" | "LateRedisChannelLayer";
  readonly capacity?: number;
  readonly expiry?: number;
  readonly group_expiry?: number;
  readonly prefix?: string;
  readonly symmetric_encryption_keys?: readonly string[];
}

/** A Python process that calls layers of `channels_redis`. */
export interface Peer extends AsyncDisposable {
  /** Calls a method of a layer, or one of `site/peer/actions.py`, and returns the result. */
  call<T = null>(config: PythonLayerConfig, method: string, ...args: unknown[]): Promise<T>;
  /** Starts a call that doesn't end. */
  start(config: PythonLayerConfig, method: string, ...args: unknown[]): Promise<void>;
}

/** Starts `manage.py` of the site, with the layer on a Redis. */
export function startSite(
  redis: RedisServer,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { ASGI_APPLICATION: "peer.application.application" },
): Program {
  return watch(spawnSite(redis, args, { env, stdin: "null" }));
}

/** Starts Daphne with the site on a free port, and returns the URL of its WebSockets. */
export async function startDaphne(redis: RedisServer): Promise<{ url: string } & AsyncDisposable> {
  const endpoint = "tcp:port=0:interface=127.0.0.1";
  const args = ["-m", "daphne", "-e", endpoint, "peer.application:application"];
  const program = watch(spawnPython(redis, args, { env: {}, stdin: "null" }));
  const line = await program.stderr.until("Listening on TCP address");
  const dispose = () => program[Symbol.asyncDispose]();
  return { url: `ws://${line.split(" ").at(-1)}/`, [Symbol.asyncDispose]: dispose };
}

/** Starts a Python process that executes calls. */
export function startPeer(redis: RedisServer): Peer {
  const process = spawnSite(redis, ["peer"], { env: {}, stdin: "piped" });
  const program = watch(process);
  const input = process.stdin.getWriter();
  let last = 0;
  const start: Peer["start"] = async (layer, method, ...args) => {
    const order = JSON.stringify({ id: ++last, layer, method, args });
    await input.write(new TextEncoder().encode(`${order}\n`));
  };
  const call = async <T>(...order: Parameters<Peer["call"]>): Promise<T> => {
    const started = start(...order);
    const line = program.stdout.until(`{"id": ${last},`);
    await started;
    const { value, error } = JSON.parse(await line.catch(() => complain(program)));
    if (error === undefined) return value;
    throw new Error(`Python: ${error}`);
  };
  const dispose = async () => {
    await input.close().catch(() => {});
    await program[Symbol.asyncDispose]();
  };
  return { call, start, [Symbol.asyncDispose]: dispose };
}

/**
 * Registers a test that has a Redis and a Python process; each of its steps takes a prefix or
 * channels of its own.
 */
export function testWithPeer(
  name: string,
  run: (t: Deno.TestContext, redis: RedisServer, peer: Peer) => Promise<void>,
): void {
  testWithPython(name, async (t, redis) => {
    await using peer = startPeer(redis);
    await run(t, redis, peer);
  });
}

/**
 * Registers a test that needs `redis-server` and Python's packages. Where they are missing it is
 * left out, with one line that says so; but not in continuous integration, where that is a failure.
 *
 * @param name The claim.
 * @param run Gets a Redis of its own.
 * @param packages Python's packages that it needs besides those of every test.
 */
export function testWithPython(
  name: string,
  run: (t: Deno.TestContext, redis: RedisServer) => Promise<void>,
  packages: readonly string[] = [],
): void {
  const inCi = Deno.env.get("CI") === "true";
  const needed = [...NEEDED, ...packages];
  const wanted = `redis-server, and ${PYTHON} with ${needed.join(", ")}`;
  const isMissing = redisMissing || !hasPackages(needed);
  if (isMissing && !inCi) say(`${name}: not tested, for want of ${wanted}`);
  Deno.test({
    name,
    ignore: isMissing && !inCi,
    fn: async (t) => {
      if (isMissing) throw new Error(`Where CI is true this is needed: ${wanted}`);
      await using redis = await startRedis();
      await within(run(t, redis), "the end of the test", DEADLINE);
    },
  });
}

/** How long a test may take, in milliseconds: a lost message would be waited for without end. */
const DEADLINE = 90_000;

/** Returns whether packages are installed, without the slow import. */
function hasPackages(packages: readonly string[]): boolean {
  const script = "import sys; from importlib.util import find_spec; " +
    "sys.exit(not all(map(find_spec, sys.argv[1:])))";
  try {
    return new Deno.Command(PYTHON, { args: ["-c", script, ...packages] }).outputSync().success;
  } catch {
    return false;
  }
}

function complain({ stderr }: Program): never {
  throw new Error(`Python doesn't answer: ${stderr.all.join("\n")}`);
}

type SpawnOptions = Pick<Required<Deno.CommandOptions>, "env" | "stdin">;

function spawnSite(
  redis: RedisServer,
  args: readonly string[],
  options: SpawnOptions,
): Deno.ChildProcess {
  return spawnPython(redis, ["manage.py", ...args], options);
}

/** Starts Python in the folder of the site. */
function spawnPython(
  redis: RedisServer,
  args: readonly string[],
  { env, stdin }: SpawnOptions,
): Deno.ChildProcess {
  return new Deno.Command(PYTHON, {
    args: [...args],
    cwd: SITE,
    env: { ...env, REDIS_URL: redis.url, PYTHONDONTWRITEBYTECODE: "1" },
    stdin,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
