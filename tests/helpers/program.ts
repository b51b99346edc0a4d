import { createInterface } from "node:readline";
import { Readable } from "node:stream";

const CLI = new URL("../../cli.ts", import.meta.url).href;

/** The app of `tests/fixtures/app.ts`, as `--app` takes it. */
export const FIXTURE_APP = new URL("../fixtures/app.ts", import.meta.url).href;

/** Options for starting a command. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The text of its standard input. */
  readonly stdin?: string;
  /** A line of shell that starts it, in which `"$@"` is the command: to set its limits. */
  readonly shell?: string;
}

/** Options for starting a program with Deno. */
export interface ProgramOptions extends CommandOptions {
  /** Options of `deno run`, such as its permissions; `-A` by default. */
  readonly permissions?: readonly string[];
}

/** An output stream of a process, by lines. */
export interface Lines {
  /** The lines so far. */
  readonly all: readonly string[];
  /** Waits until a line, past or to come, contains a text. */
  until(text: string): Promise<string>;
  /** Waits until there are so many lines. */
  count(lines: number): Promise<unknown>;
}

/** A running process. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly kill: (signal: Deno.Signal) => void;
  /** Resolves with the exit code. */
  readonly end: Promise<number>;
}

/** Starts `cli.ts`; it is killed at the end of the test if it still runs. */
export function startProgram(args: readonly string[], options: ProgramOptions = {}): Program {
  return startScript(CLI, args, options);
}

/** Starts a script with Deno; it is killed at the end of the test if it still runs. */
export function startScript(
  script: string,
  args: readonly string[] = [],
  { permissions = ["-A"], ...options }: ProgramOptions = {},
): Program {
  const flags = ["--no-prompt", "--quiet", ...permissions];
  return startCommand([Deno.execPath(), "run", ...flags, script, ...args], options);
}

/** Starts a command; it is killed at the end of the test if it still runs. */
export function startCommand(
  command: readonly string[],
  { cwd, env = {}, stdin, shell = 'exec "$@"' }: CommandOptions = {},
): Program {
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

/** Reads the output of a process by lines; it is killed at the end if it still runs. */
export function watch(process: Deno.ChildProcess): Program {
  const { pid } = process;
  const stdout = readLines(process.stdout);
  const stderr = readLines(process.stderr);
  const end = Promise.all([process.status, stdout.end, stderr.end]).then(([{ code }]) => code);
  const kill = (signal: Deno.Signal) => killIfAlive(process, signal);
  const dispose = async () => {
    kill("SIGKILL");
    await end;
  };
  return { pid, stdout, stderr, kill, end, [Symbol.asyncDispose]: dispose };
}

/** Starts `runworker` in a process of its own, and waits until it listens. */
export async function startWorkerProcess(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Program> {
  const program = startProgram(["runworker", "--app", FIXTURE_APP, ...args], options);
  await program.stderr.until("Listening on");
  return program;
}

/** Sends a signal again and again until the process exits. */
export async function signalUntilExit(program: Program, signal: Deno.Signal): Promise<void> {
  program.kill(signal);
  const timer = setInterval(() => program.kill(signal), 50);
  await program.end;
  clearInterval(timer);
}

/** Runs a command to its end, and returns its output without the last line break. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  const output = await new Deno.Command(program, { args: [...args] }).output();
  const [printed, complaints] = [output.stdout, output.stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  if (!output.success) throw new Error(`${program} failed: ${complaints}`);
  return (printed ?? "").replace(/\r?\n$/, "");
}

/** Returns whether a program is on the PATH. */
export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch {
    return false;
  }
}

/** Prints a line in the output of the tests. */
export function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** How long a test waits for a line, in milliseconds. */
const LINE_TIMEOUT = 30_000;

/** Returns the lines of a stream as they arrive. */
export function linesIn(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  return createInterface({ input: Readable.fromWeb(stream) });
}

function readLines(stream: ReadableStream<Uint8Array>): Lines & { readonly end: Promise<void> } {
  const all: string[] = [];
  const watchers = new Set<() => void>();
  const end = (async () => {
    for await (const line of linesIn(stream)) {
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
    const timer = setTimeout(giveUp, LINE_TIMEOUT);
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
