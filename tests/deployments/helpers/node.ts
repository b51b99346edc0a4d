import { createConnection, type Socket } from "node:net";
import { run } from "../../helpers/redis_server.ts";
import { freePort } from "./ports.ts";

/** How long a server may take to answer, in milliseconds. */
const START_TIMEOUT = 20_000;

/**
 * Runs a server until standard input ends, which it does however this process ends: then the server
 * is killed, a stopped one too, and its folder removed. The first line says the server's process id.
 */
const KEEPER = `trap "" INT TERM HUP PIPE
folder=$1
shift
"$@" <&- >"$folder/log" 2>&1 &
echo $! 2>/dev/null
read _
kill -9 $! 2>/dev/null
wait
rm -rf "$folder"`;

/** How to start a server. */
export interface NodeOptions {
  /** More arguments for `redis-server`. */
  readonly args?: readonly string[];
  /** The port, when it matters; it isn't tried a second time. */
  readonly port?: number;
  /** Lines of a configuration file, for what arguments can't say. */
  readonly config?: readonly string[];
  /** What comes before the port among the arguments: `--port` by default. */
  readonly portArgument?: string;
  /** How `redis-cli` and the wait for an answer get in: more arguments for the former. */
  readonly access?: readonly string[];
}

/** A server on a TCP port of 127.0.0.1. */
export interface Node extends AsyncDisposable {
  readonly port: number;
  /** Its host and port, as a URL has them. */
  readonly at: string;
  /** Runs `redis-cli` on it, and gives what it printed. */
  cli(...args: readonly string[]): Promise<string>;
  /** Ends it at once, as a crash would, and waits until its port is free. */
  crash(): Promise<void>;
  /** Freezes it: connections stay, and nothing answers. */
  freeze(): void;
  /** Lets it go on after `freeze()`. */
  thaw(): void;
}

/** Starts a server that keeps nothing on disk, and waits until it answers. */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  for (let left = options.port === undefined ? 3 : 1;; left--) {
    try {
      return await tryToStart(options, options.port ?? freePort());
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

async function tryToStart(options: NodeOptions, port: number): Promise<Node> {
  const folder = await Deno.makeTempDir({ prefix: "asgi-channels-" });
  const keeper = new Deno.Command("sh", {
    args: ["-c", KEEPER, "keeper", folder, ...await commandLine(options, port, folder)],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const pid = await firstNumber(keeper.stdout);
  const end = async () => {
    await keeper.stdin.close();
    await keeper.status;
  };
  try {
    await untilItAnswers(port, pid);
  } catch (error) {
    const log = await Deno.readTextFile(`${folder}/log`);
    await end();
    throw new Error(`${(error as Error).message}: ${log}`);
  }
  return nodeOf(pid, port, options.access ?? [], end);
}

async function commandLine(
  { args = [], config, portArgument = "--port" }: NodeOptions,
  port: number,
  folder: string,
): Promise<string[]> {
  const file = `${folder}/redis.conf`;
  if (config) await Deno.writeTextFile(file, config.join("\n"));
  const basics = [portArgument, `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  const memory = config ? [] : ["--save", "", "--appendonly", "no"];
  const replicas = config ? [] : ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"];
  return ["redis-server", ...config ? [file] : [], ...basics, ...memory, ...replicas, ...args];
}

function nodeOf(
  pid: number,
  port: number,
  access: readonly string[],
  end: () => Promise<void>,
): Node {
  return {
    port,
    at: `127.0.0.1:${port}`,
    cli: (...words) => run("redis-cli", ["-p", `${port}`, ...access, ...words]),
    async crash() {
      signal(pid, "SIGKILL");
      while (await isListening(port)) await pause(2);
    },
    freeze: () => signal(pid, "SIGSTOP"),
    thaw: () => signal(pid, "SIGCONT"),
    [Symbol.asyncDispose]: end,
  };
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It has ended already.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function firstNumber(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  const { value = new Uint8Array() } = await reader.read();
  await reader.cancel();
  return Number(new TextDecoder().decode(value));
}

/** That it listens is enough: behind TLS or a password nothing more can be seen. */
async function untilItAnswers(port: number, pid: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  while (!await isListening(port)) {
    if (performance.now() > deadline || !isAlive(pid)) throw new Error("redis-server didn't start");
    await pause(5);
  }
}

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket: Socket = createConnection({ port, host: "127.0.0.1" });
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

/** The lines of `CLIENT LIST`, without the one that asks. */
export async function clientsOf(node: Node): Promise<string[]> {
  const lines = (await node.cli("CLIENT", "LIST")).split("\n");
  return lines.filter((line) => line && !line.includes("cmd=client"));
}

/** Waits; only for asking something again after it. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Asks again and again until the answer is yes; a server that just doesn't answer hasn't said so.
 *
 * @param what What is waited for, in words.
 * @param ask Asks.
 * @param patience How long to wait, in milliseconds.
 */
export async function until(
  what: string,
  ask: () => Promise<boolean> | boolean,
  patience = 30_000,
): Promise<void> {
  const deadline = performance.now() + patience;
  for (;;) {
    let failure: unknown;
    try {
      if (await ask()) return;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`It never came: ${what}`, { cause: failure });
    await pause(10);
  }
}
