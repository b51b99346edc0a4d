import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const CLI = new URL("../../cli.ts", import.meta.url).href;

/** The app of `tests/fixtures/app.ts`, as `--app` takes it. */
export const FIXTURE_APP = new URL("../fixtures/app.ts", import.meta.url).href;

/** How to start the program. */
export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Permissions for Deno; everything by default. */
  readonly permissions?: readonly string[];
  /** What it reads from standard input. */
  readonly stdin?: string;
  /** A line of shell that starts it, in which `"$@"` is the command: to set its limits. */
  readonly shell?: string;
}

/** A stream of a program, by its lines. */
export interface Lines {
  /** The lines so far. */
  readonly all: readonly string[];
  /** Waits until some line, past or to come, holds a text. */
  until(text: string): Promise<string>;
  /** Waits until there are so many lines. */
  count(lines: number): Promise<unknown>;
}

/** A process of its own, such as `cli.ts`. */
export interface Program extends AsyncDisposable {
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly kill: (signal: Deno.Signal) => void;
  /** Waits for its end, and gives the exit code. */
  readonly end: Promise<number>;
}

/** Starts `cli.ts` with some arguments; it is killed at the end of the test if it still runs. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  const { cwd, env = {}, permissions = ["-A"], stdin, shell = 'exec "$@"' } = options;
  const command = [Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, CLI, ...args];
  const process = new Deno.Command("sh", {
    args: ["-c", shell, "sh", ...command],
    env: { ...env, NO_COLOR: "1" },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  if (stdin !== undefined) feed(process.stdin, stdin);
  return watch(process);
}

/** Reads what a process prints by its lines; it is killed at the end if it still runs. */
export function watch(process: Deno.ChildProcess): Program {
  const stdout = readLines(process.stdout);
  const stderr = readLines(process.stderr);
  const end = Promise.all([process.status, stdout.end, stderr.end]).then(([{ code }]) => code);
  const kill = (signal: Deno.Signal) => killIfAlive(process, signal);
  const dispose = async () => {
    kill("SIGKILL");
    await end;
  };
  return { stdout, stderr, kill, end, [Symbol.asyncDispose]: dispose };
}

/** Starts `runworker` with the fixture's app, and waits until it listens. */
export async function startWorker(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const program = startProgram(["runworker", "--app", FIXTURE_APP, ...args], options);
  await program.stderr.until("Listening on");
  return program;
}

/** Sends a signal again and again, as an impatient person would. */
export async function signalUntilItEnds(program: Program, signal: Deno.Signal): Promise<void> {
  program.kill(signal);
  const timer = setInterval(() => program.kill(signal), 50);
  await program.end;
  clearInterval(timer);
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** How long a test waits for a line, in milliseconds. */
const PATIENCE = 30_000;

function readLines(stream: ReadableStream<Uint8Array>): Lines & { readonly end: Promise<void> } {
  const all: string[] = [];
  const watchers = new Set<() => void>();
  const end = (async () => {
    for await (const line of createInterface({ input: Readable.fromWeb(stream) })) {
      all.push(line);
      for (const watch of watchers) watch();
    }
    for (const watch of watchers) watch();
  })();
  const when = async <T>(find: () => T | undefined, what: string): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const watch = () => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    const giveUp = () => reject(new Error(`${what} did not come; there was:\n${all.join("\n")}`));
    const timer = setTimeout(giveUp, PATIENCE);
    end.then(() => (watch(), giveUp()));
    watchers.add(watch);
    watch();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      watchers.delete(watch);
    }
  };
  return {
    all,
    end,
    until: (text) => when(() => all.find((line) => line.includes(text)), JSON.stringify(text)),
    count: (lines) => when(() => all.length >= lines ? null : undefined, `${lines} lines`),
  };
}

function killIfAlive(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch (error) {
    // It has ended already.
    if (!(error instanceof TypeError)) throw error;
  }
}
