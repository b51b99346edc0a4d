import { freePort, isListening } from "./network.ts";
import { isInstalled, run, say } from "./program.ts";
import { temporaryFolder } from "./temporary.ts";
import { until } from "./waiting.ts";

/** How long a server may take to start, in milliseconds. */
const START_TIMEOUT = 20_000;

/** Arguments of a server without persistence. */
const IN_MEMORY = ["--save", "", "--appendonly", "no"];

/**
 * Runs a server until standard input ends, which it does however this process ends: then the server
 * is killed, a stopped one too. The first line of output is the server's process id; the output ends
 * when the server does.
 */
const KEEPER = `trap "" INT TERM HUP PIPE
log=$1
shift
"$@" <&- 3>&1 >"$log" 2>&1 &
echo $! 2>/dev/null
exec >&-
read _
kill -9 $! 2>/dev/null
wait`;

/** A Redis server on a socket in a temporary folder. */
export interface RedisServer extends AsyncDisposable {
  /** Its URL: `unix://PATH`. */
  readonly url: string;
  /** The process id of the server. */
  readonly pid: number;
  /** Runs `redis-cli` on it, and returns the output. */
  cli(...args: readonly string[]): Promise<string>;
  /** Kills it, as a crash would; may be called twice. */
  stop(): Promise<void>;
  /** Sends a signal to its process: SIGSTOP freezes it, SIGCONT thaws it. */
  kill(signal: Deno.Signal): void;
  /** Shuts it down in good order: it writes its data first, if it is persistent. */
  shutDown(): Promise<void>;
}

/** Options of a server on a TCP port. */
export interface NodeOptions {
  /** More arguments for `redis-server`. */
  readonly args?: readonly string[];
  /** The port; by default a free one. */
  readonly port?: number;
  /** Lines of a configuration file, for what arguments can't say. */
  readonly config?: readonly string[];
  /** The argument before the port: `--port` by default. */
  readonly portArgument?: string;
  /** Arguments with which `redis-cli` connects and logs in. */
  readonly access?: readonly string[];
}

/** A Redis server on a TCP port of 127.0.0.1: alone, or a node of a larger deployment. */
export interface Node extends AsyncDisposable {
  readonly port: number;
  /** Its host and port, as a URL has them. */
  readonly at: string;
  /** Runs `redis-cli` on it, and returns the output. */
  cli(...args: readonly string[]): Promise<string>;
  /** Kills it, as a crash would, and waits until its port is free. */
  crash(): Promise<void>;
  /** Freezes it: connections stay open, and nothing answers. */
  freeze(): void;
  /** Thaws it after `freeze()`. */
  thaw(): void;
}

/** Whether `redis-server` is missing. */
export const redisMissing: boolean = !isInstalled("redis-server");

/**
 * Registers tests that need a `redis-server`. Without one they are skipped, with one line that says
 * so; in continuous integration, that is a failure.
 *
 * @param subject What is tested.
 * @param register Registers the tests.
 */
export function testWithRedis(subject: string, register: () => void): void {
  if (!redisMissing) return register();
  const inCi = Deno.env.get("CI") === "true";
  const problem = `${subject}: not tested, for want of redis-server on the PATH`;
  if (!inCi) say(problem);
  Deno.test({
    name: problem,
    ignore: !inCi,
    fn: () => {
      throw new Error("redis-server is needed where CI is true: install it");
    },
  });
}

/**
 * Starts a server without persistence, and waits until it answers.
 *
 * @param args More arguments for `redis-server`.
 * @param path The path of its socket; by default in a temporary folder.
 */
export async function startRedis(
  args: readonly string[] = [],
  path?: string,
): Promise<RedisServer> {
  const folder = await temporaryFolder();
  const socket = path ?? `${folder.path}/redis.sock`;
  const address = ["--port", "0", "--unixsocket", socket, "--dir", folder.path];
  const command = [...address, ...IN_MEMORY, "--loglevel", "warning", ...args];
  const server = await startServer(folder, command, () => answers(socket));
  return {
    url: `unix://${socket}`,
    pid: server.pid,
    cli: (...words) => run("redis-cli", ["-s", socket, ...words]),
    stop: () => server.endBy("SIGKILL"),
    kill: server.kill,
    shutDown: () => server.endBy("SIGTERM"),
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** Starts a server without persistence on a TCP port, and waits until it listens. */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  for (let left = options.port === undefined ? 3 : 1;; left--) {
    try {
      return await startOn(options.port ?? freePort(), options);
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

async function startOn(port: number, options: NodeOptions): Promise<Node> {
  const { args = [], config, portArgument = "--port", access = [] } = options;
  const folder = await temporaryFolder();
  const file = `${folder.path}/redis.conf`;
  if (config) await Deno.writeTextFile(file, config.join("\n"));
  const address = [portArgument, `${port}`, "--bind", "127.0.0.1", "--dir", folder.path];
  const quickReplicas = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"];
  const settings = config ? [] : [...IN_MEMORY, ...quickReplicas];
  const command = [...config ? [file] : [], ...address, ...settings, ...args];
  // Behind TLS or a password, that it listens is all that can be seen.
  const server = await startServer(folder, command, () => isListening(port));
  return {
    port,
    at: `127.0.0.1:${port}`,
    cli: (...words) => run("redis-cli", ["-p", `${port}`, ...access, ...words]),
    async crash() {
      await server.endBy("SIGKILL");
      await until("its port is free", async () => !await isListening(port));
    },
    freeze: () => server.kill("SIGSTOP"),
    thaw: () => server.kill("SIGCONT"),
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** A process of `redis-server`. */
interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly kill: (signal: Deno.Signal) => void;
  /** Sends a signal, and waits until the process has ended. */
  readonly endBy: (signal: Deno.Signal) => Promise<void>;
}

/** Starts `redis-server`, and waits until it is ready; the folder is removed at its end. */
async function startServer(
  folder: { readonly path: string } & AsyncDisposable,
  command: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<ServerProcess> {
  const log = `${folder.path}/log`;
  const keeper = new Deno.Command("sh", {
    args: ["-c", KEEPER, "keeper", log, "redis-server", ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = keeper.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await output.read()).value));
  let hasEnded = false;
  const ended = output.read().then(() => void (hasEnded = true));
  const dispose = async () => {
    await keeper.stdin.close();
    await Promise.all([keeper.status, ended]);
    await folder[Symbol.asyncDispose]();
  };
  const kill = (signal: Deno.Signal) => signalIfAlive(pid, signal);
  const endBy = async (signal: Deno.Signal) => {
    kill(signal);
    await ended;
  };
  try {
    await until("redis-server is ready", () => hasEnded || isReady(), START_TIMEOUT);
    if (hasEnded) throw new Error("redis-server has exited");
  } catch (cause) {
    const lines = await Deno.readTextFile(log);
    await dispose();
    throw new Error(`redis-server did not start: ${lines}`, { cause });
  }
  return { pid, kill, endBy, [Symbol.asyncDispose]: dispose };
}

function signalIfAlive(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // It has ended already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Returns whether a server answers, be it that it asks for a password. */
async function answers(path: string): Promise<boolean> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("PING\r\n"));
  const answer = new Uint8Array(64);
  const length = await connection.read(answer);
  return !new TextDecoder().decode(answer.subarray(0, length ?? 0)).startsWith("-LOADING");
}

/** A server that answers `redis-cli`. */
type Server = Pick<RedisServer, "cli">;

/** Returns the lines of `CLIENT LIST`, without the client that asks. */
export async function clientsOf(server: Server): Promise<string[]> {
  const lines = (await server.cli("CLIENT", "LIST")).split("\n");
  return lines.filter((line) => line && !line.includes("cmd=client"));
}

/** Returns the number of connections, without the one that asks. */
export async function connectionsOf(server: Server): Promise<number> {
  return (await clientsOf(server)).length;
}

/** Waits until a server has so many connections: it notices a closed one a moment later. */
export async function untilConnections(
  server: Server,
  count: number,
  what = `${count} connections are left`,
): Promise<void> {
  await until(what, async () => await connectionsOf(server) === count, 5_000);
}

/** Waits until so many clients wait for an event in a blocking command. */
export async function untilBlocked(server: Server, count = 1): Promise<void> {
  await until(`${count} clients are blocked`, async () => {
    return (await clientsOf(server)).filter((line) => line.includes("cmd=bzpopmin")).length >=
      count;
  }, 20_000);
}
