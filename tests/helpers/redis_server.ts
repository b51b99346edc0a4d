import { temporaryFolder } from "./temporary.ts";

/** How long a server may take to answer, in milliseconds. */
const START_TIMEOUT = 20_000;

/** A Redis of its own, on a socket in a temporary folder. */
export interface RedisServer extends AsyncDisposable {
  /** Where it is: `unix://PATH`. */
  readonly url: string;
  /** Runs `redis-cli` on it, and gives what it printed. */
  cli(...args: readonly string[]): Promise<string>;
  /** Ends it at once, as a crash would; it may be called twice. */
  stop(): Promise<void>;
  /** Sends a signal to its process: SIGSTOP freezes it, SIGCONT thaws it. */
  kill(signal: Deno.Signal): void;
  /** Asks it to end in good order, with its data written where it has to be. */
  shutDown(): Promise<void>;
}

/** Whether there is no `redis-server` to start. */
export const redisMissing: boolean = !isInstalled("redis-server");

/**
 * Starts a server that keeps nothing on disk, and waits until it answers.
 *
 * @param args More arguments for `redis-server`.
 * @param path Where its socket is to be, when that matters.
 */
export async function startRedis(
  args: readonly string[] = [],
  path?: string,
): Promise<RedisServer> {
  const folder = await temporaryFolder();
  const socket = path ?? `${folder.path}/redis.sock`;
  const process = spawn(folder.path, socket, args);
  let isRunning = true;
  const end = process.status.then(() => isRunning = false);
  await untilItAnswers(socket, () => isRunning);
  const stop = async () => {
    if (isRunning) process.kill("SIGKILL");
    await end;
  };
  return {
    url: `unix://${socket}`,
    cli: (...words) => run("redis-cli", ["-s", socket, ...words]),
    stop,
    kill: (signal) => process.kill(signal),
    async shutDown() {
      process.kill("SIGTERM");
      await end;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/**
 * Registers tests that need a `redis-server`. Where there is none they are left out, with one line
 * that says so; but not in continuous integration, where that is a failure.
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

/** Prints a line for a person who runs the tests. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Runs a program to its end, and gives what it printed, without the last line break. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const output = await new Deno.Command(program, { args: [...args] }).output();
  const [printed, complaints] = [output.stdout, output.stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  if (!output.success) throw new Error(`${program} failed: ${complaints}`);
  return (printed ?? "").replace(/\r?\n$/, "");
}

function spawn(folder: string, socket: string, args: readonly string[]): Deno.ChildProcess {
  const basics = ["--port", "0", "--unixsocket", socket, "--dir", folder];
  const quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"];
  return new Deno.Command("redis-server", {
    args: [...basics, ...quiet, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Asks until there is an answer, be it that a password is wanted. */
async function untilItAnswers(socket: string, isRunning: () => boolean): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT;
  while (!await answers(socket)) {
    if (performance.now() > deadline || !isRunning()) {
      throw new Error("redis-server did not start: it doesn't answer");
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode("PING\r\n"));
    const answer = new Uint8Array(64);
    const length = await connection.read(answer);
    return !new TextDecoder().decode(answer.subarray(0, length ?? 0)).startsWith("-LOADING");
  } catch {
    return false;
  }
}

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}
