import { pass } from "./fault.ts";

const SENDER = new URL("sender.ts", import.meta.url).pathname;

/** How many events it sends in a second, as long as nothing is wrong. */
const RATE = 250;

/** How long it may take to begin, in milliseconds. */
const PATIENCE = 20_000;

/** What a sender is told. */
export interface SenderOptions {
  readonly name: string;
  readonly url: string;
  /** Where it writes down what it sends. */
  readonly journal: string;
  readonly seed: number;
}

/** A process of `sender.ts`. */
export class SenderProcess {
  readonly #options: SenderOptions;
  readonly #process: Deno.ChildProcess;

  constructor(options: SenderOptions) {
    const { name, url, journal, seed } = options;
    this.#options = options;
    Deno.writeTextFileSync(journal, "");
    const args = ["run", "-A", "--quiet", SENDER, name, url, journal, `${RATE}`, `${seed}`];
    const streams = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    this.#process = new Deno.Command(Deno.execPath(), { args, ...streams }).spawn();
  }

  /** Waits until it has begun: then it listens to signals. */
  async begun(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while ((await Deno.stat(this.#options.journal)).size === 0 && Date.now() < deadline) {
      await pass(10);
    }
  }

  /** Sends a signal, unless it has ended by itself. */
  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Ends it; gives what was wrong if its exit code is another than expected. */
  async end(signal: Deno.Signal, expected: number): Promise<string | undefined> {
    this.kill(signal);
    const { code, stderr } = await this.#process.output();
    if (code === expected) return undefined;
    const said = new TextDecoder().decode(stderr).trim().slice(-1_500);
    return `${this.#options.name} ended with ${code}: ${said}`;
  }
}
