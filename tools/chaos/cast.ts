import { type Program, startProgram } from "../../tests/helpers/program.ts";
import { pass } from "./fault.ts";
import { SenderProcess } from "./sender_process.ts";

const APP = new URL("app.ts", import.meta.url).href;

/** How long a process may take to stop, in milliseconds: longer than a handler, by far. */
const STOP_TIMEOUT = 20_000;

/** What the processes of a run are told. */
export interface CastOptions {
  /** Where each writes its journal. */
  readonly folder: string;
  /** The URL of the layer, for the process of that number. */
  readonly urlFor: (number: number) => string;
  readonly workers: number;
  readonly senders: number;
  readonly seed: number;
  /** A lie that the application tells: see `app.ts`. */
  readonly plant: string;
}

interface Worker {
  readonly program: Program;
  readonly number: number;
  /** Whether it was told to end, and how it may. */
  codes: readonly number[] | undefined;
}

/** The processes of a run: workers and senders, and what they have written down. */
export class Cast {
  readonly #options: CastOptions;
  readonly #workers: Worker[] = [];
  readonly #senders: SenderProcess[] = [];
  #started = 0;
  /** What should not have happened: a process that ended by itself, or with the wrong code. */
  readonly accidents: string[] = [];
  readonly handledJournals: string[] = [];
  readonly sentJournals: string[] = [];

  constructor(options: CastOptions) {
    this.#options = options;
  }

  /** How many workers run. */
  get size(): number {
    return this.#options.workers;
  }

  /** Starts all of them; they needn't have found their layer when it returns. */
  start(): void {
    for (let number = 0; number < this.#options.workers; number++) this.#startWorker(number);
    for (let number = 0; number < this.#options.senders; number++) this.#startSender(number);
  }

  /** Waits until every worker listens. */
  async listening(): Promise<void> {
    const lines = this.#workers.map(({ program }) => program.stderr.until("Listening on"));
    await Promise.all(lines);
  }

  /** Ends one worker by signals, checks its exit code, and starts another in its place. */
  async replace(number: number, signals: readonly Deno.Signal[], codes: readonly number[]) {
    await this.#end(this.#workers[number]!, signals, codes);
    await this.#startWorker(number).program.stderr.until("Listening on");
  }

  /** Has one worker stand still for a while. */
  async freeze(number: number, milliseconds: number): Promise<void> {
    const { program } = this.#workers[number]!;
    program.kill("SIGSTOP");
    await pass(milliseconds);
    program.kill("SIGCONT");
  }

  /** Has one worker compute for a while: meanwhile its event loop stands still. */
  async block(number: number, milliseconds: number): Promise<void> {
    await Deno.writeTextFile(this.#blockFile, `${milliseconds}`);
    this.#workers[number]!.program.kill("SIGUSR2");
    await pass(milliseconds);
  }

  /** Kills one sender, wherever it is, and starts another in its place. */
  async replaceSender(number: number): Promise<void> {
    await this.#endSender(this.#senders[number]!, "SIGKILL", 137);
    this.#startSender(number);
  }

  /** Ends all workers, as a deployment does. */
  async stopWorkers(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#end(worker, ["SIGTERM"], [0])));
  }

  /** Starts all workers again. */
  async startWorkers(): Promise<void> {
    for (let number = 0; number < this.#options.workers; number++) this.#startWorker(number);
    await this.listening();
  }

  /** Has the senders send all they can, for a second. */
  async flood(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.begun()));
    for (const sender of this.#senders) sender.kill("SIGUSR1");
  }

  async stopSenders(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.begun()));
    const ends = this.#senders.splice(0).map((sender) => this.#endSender(sender, "SIGTERM", 0));
    await Promise.all(ends);
  }

  /** Handles what is left in the channels. Returns when the worker that does so began to receive. */
  async drain(): Promise<number> {
    const worker = this.#startWorker(0, ["--burst"]);
    worker.codes = [0];
    await worker.program.stderr.until("Listening on");
    const listenedAt = Date.now();
    const code = await worker.program.end;
    if (code !== 0) this.#note(worker, code);
    return listenedAt;
  }

  /** Leaves no process behind, whatever has happened. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const sender of this.#senders) await this.#endSender(sender, "SIGKILL", 137);
    for (const worker of this.#workers) {
      worker.codes ??= [137];
      await worker.program[Symbol.asyncDispose]();
    }
  }

  #startWorker(number: number, args: readonly string[] = []): Worker {
    const { folder, plant, urlFor } = this.#options;
    const journal = `${folder}/handled-${this.#started++}.txt`;
    Deno.writeTextFileSync(journal, "");
    this.handledJournals.push(journal);
    const command = ["runworker", "a", "b", "--app", APP, "--layer", urlFor(number), "-c", "2"];
    const env = { CHAOS_JOURNAL: journal, CHAOS_PLANT: plant, CHAOS_BLOCK: this.#blockFile };
    const program = startProgram([...command, ...args], { env });
    const worker: Worker = { program, number, codes: undefined };
    this.#workers[number] = worker;
    program.end.then((code) => worker.codes === undefined && this.#note(worker, code));
    return worker;
  }

  /** Where a worker reads how long it shall compute. */
  get #blockFile(): string {
    return `${this.#options.folder}/block.txt`;
  }

  #startSender(number: number): void {
    const { folder, urlFor, seed } = this.#options;
    const name = `s${this.sentJournals.length}`;
    const journal = `${folder}/sent-${name}.txt`;
    this.sentJournals.push(journal);
    const options = { name, journal, url: urlFor(number), seed: seed + number };
    this.#senders[number] = new SenderProcess(options);
  }

  async #endSender(sender: SenderProcess, signal: Deno.Signal, expected: number): Promise<void> {
    const accident = await sender.end(signal, expected);
    if (accident !== undefined) this.accidents.push(accident);
  }

  async #end(worker: Worker, signals: readonly Deno.Signal[], codes: readonly number[]) {
    worker.codes = codes;
    for (const [index, signal] of signals.entries()) {
      // Two signals within a second count as one.
      if (index > 0) await Promise.race([worker.program.end, after(1_100)]);
      worker.program.kill(signal);
    }
    const code = await Promise.race([worker.program.end, after(STOP_TIMEOUT)]);
    if (code === undefined || !codes.includes(code)) this.#note(worker, code);
  }

  #note({ program, number }: Worker, code: number | undefined): void {
    const how = code === undefined ? "did not end in time" : `ended with ${code}`;
    this.accidents.push(`worker ${number} ${how}: ${program.stderr.all.join("\n").slice(-1_500)}`);
  }
}

function after(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) =>
    Deno.unrefTimer(setTimeout(() => resolve(undefined), milliseconds))
  );
}
