import { linesIn } from "../tests/helpers/program.ts";

/** How to start a process. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How long a process may take to report, in milliseconds. */
const PATIENCE = 180_000;

/** How much of what a process says on standard error is kept, in characters. */
const KEPT = 2_000;

/** A line of a stack trace. */
const STACK = /^\s+at /;

/** A process that plays a role: it is told lines, and reports in lines of JSON. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #reports: AsyncIterator<string>;
  readonly #name: string;
  readonly #complaining: Promise<void>;
  #complaints = "";
  #waitingFor: { readonly text: string; readonly resolve: (at: number) => void } | undefined;

  /** Starts it. */
  constructor({ command, args, cwd, env }: Program) {
    this.#name = `${command} ${args.join(" ")}`.slice(0, 300);
    this.#process = new Deno.Command(command, {
      args: [...args],
      ...cwd ? { cwd } : {},
      env: { ...env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reports = linesIn(this.#process.stdout)[Symbol.asyncIterator]();
    this.#complaining = this.#listen();
  }

  /** Its process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for its next report. */
  async report<Report>(): Promise<Report> {
    const { value, done } = await this.#inTime(this.#reports.next());
    if (!done) return JSON.parse(value);
    await this.#complaining;
    throw new Error(`Ended without a report: ${this.#name}\n${this.#complaints}`);
  }

  /** Tells it a line. */
  async tell(line: string): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
  }

  /** Asks for a report. */
  async ask<Report>(): Promise<Report> {
    await this.tell("report");
    return await this.report();
  }

  /** Waits until it has said a text on standard error, and gives the moment, of `performance`. */
  said(text: string): Promise<number> {
    if (this.#complaints.includes(text)) return Promise.resolve(performance.now());
    return this.#inTime(new Promise((resolve) => this.#waitingFor = { text, resolve }));
  }

  /** Ends it, without grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await Promise.allSettled([
      this.#process.status,
      this.#complaining,
      this.#process.stdin.close(),
    ]);
  }

  #kill(): void {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }

  /** Ends the process when a promise takes too long, and says so. */
  async #inTime<Value>(promise: Promise<Value>): Promise<Value> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#kill();
      late.reject(new Error(`Took too long: ${this.#name}\n${this.#complaints}`));
    }, PATIENCE);
    return await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
  }

  async #listen(): Promise<void> {
    for await (const line of linesIn(this.#process.stderr)) {
      if (!STACK.test(line)) this.#complaints = `${this.#complaints}${line}\n`.slice(-KEPT);
      if (this.#waitingFor && line.includes(this.#waitingFor.text)) {
        this.#waitingFor.resolve(performance.now());
      }
    }
  }
}
