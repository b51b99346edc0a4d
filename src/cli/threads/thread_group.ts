import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { WorkerCounts } from "../../worker/mod.ts";
import type { Log, LogStyle } from "../log.ts";
import { ExitCode, type Terminal, UsageError } from "../terminal.ts";
import type { WorkerConfiguration } from "../work.ts";
import type { Assignment, Ended, Report, Signal } from "./messages.ts";
import { counterMemory, sharedCounter, sumOf } from "./shared_counter.ts";

/** Several threads that do the same work, as one: the code of the user runs in them only. */
export class ThreadGroup {
  readonly #options: ThreadGroupOptions;
  readonly #members: readonly WorkerThread[];
  readonly #abandon = new AbortController();

  constructor(options: ThreadGroupOptions) {
    this.#options = options;
    this.#members = Array.from(
      { length: options.threads },
      (_, at) => new WorkerThread(at + 1, options),
    );
  }

  /** What all of them have done so far. */
  get counts(): WorkerCounts {
    return sharedCounter(sumOf(this.#members.map(({ memory }) => memory))).snapshot;
  }

  /**
   * Runs them until they are told to stop, and have.
   *
   * @throws {UsageError} When the user can mend what prevents their start.
   */
  async run(): Promise<ExitCode> {
    this.#announce();
    const ends = await Promise.all(this.#members.map((member) => this.#run(member)));
    const problem = ends.find((end) => end.problem !== undefined);
    if (problem?.code === ExitCode.usage) throw new UsageError(problem.problem);
    if (problem) this.#options.log({ level: "error", message: `${problem.problem}` });
    return ends.every(({ code }) => code === ExitCode.ok) ? ExitCode.ok : ExitCode.failed;
  }

  /** What prevents one of them prevents all: it is told once. */
  async #run(member: WorkerThread): Promise<Ended> {
    const end = await member.run(this.#abandon.signal);
    if (end.code !== ExitCode.ok && !this.#options.terminal.stop.aborted) this.#abandon.abort();
    return end;
  }

  async #announce(): Promise<void> {
    const { order, threads, log } = this.#options;
    const [where] = await Promise.all(this.#members.map(({ listening }) => listening));
    const message = `Listening on ${order.channels.join(", ")} (${where}, ${threads} threads)`;
    log({ level: "info", message });
  }
}

/** How long to wait before a thread that died is replaced, in milliseconds: it grows. */
const SHORTEST_WAIT = 100;
const LONGEST_WAIT = 10_000;

/** How long a thread may take longer than it said, or to say what it cut off, in milliseconds. */
const GRACE = 1_000;
const LAST_WORDS = 200;

/** What a fleet is made of. */
export interface ThreadGroupOptions {
  readonly order: WorkerConfiguration;
  readonly threads: number;
  readonly style: LogStyle;
  readonly log: Log;
  readonly terminal: Pick<Terminal, "stop" | "kill">;
}

/** A thread's place in a fleet: a thread that dies in it is replaced. */
export class WorkerThread {
  /** Where its threads count. */
  readonly memory = counterMemory();
  readonly #number: number;
  readonly #options: ThreadGroupOptions;
  readonly #counter = sharedCounter(this.memory);
  readonly #listening = Promise.withResolvers<string>();
  #hasListened = false;

  constructor(number: number, options: ThreadGroupOptions) {
    this.#number = number;
    this.#options = options;
  }

  /** Resolves with the layer and the app when it first listens. */
  get listening(): Promise<string> {
    return this.#listening.promise;
  }

  /**
   * Keeps a thread at work until it is told to stop.
   *
   * @param abandon Ends it at once, and without a word.
   */
  async run(abandon: AbortSignal): Promise<Ended> {
    const { stop } = this.#options.terminal;
    for (let wait = SHORTEST_WAIT;; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      const startedAt = performance.now();
      const end = await this.#live(abandon);
      if (typeof end !== "string" && !(end.problem && this.#hasListened)) return end;
      const reason = typeof end === "string" ? end : end.problem;
      const lost = this.#countLost();
      if (performance.now() - startedAt > LONGEST_WAIT) wait = SHORTEST_WAIT;
      const isLast = stop.aborted || !this.#hasListened;
      const next = isLast ? "" : `; another one starts in ${wait} ms`;
      this.#complain(`Died: ${reason}${lost}${next}`);
      if (isLast) return { said: "ended", code: ExitCode.failed };
      await pause(wait, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return { said: "ended", code: ExitCode.ok };
    }
  }

  /** Runs one thread to its end; gives what it died of when it didn't say that it is done. */
  async #live(abandon: AbortSignal): Promise<Ended | string> {
    const { stop, kill } = this.#options.terminal;
    const { promise: ended, resolve } = Promise.withResolvers<Ended | string>();
    const worker = this.#start(resolve);
    const { shutdownTimeout } = this.#options.order;
    using _stopping = onceAborted(stop, () => {
      worker.postMessage("stop" satisfies Signal);
      return this.#cutOffAfter(shutdownTimeout + GRACE, resolve);
    });
    using _killing = onceAborted(kill, () => {
      worker.postMessage("kill" satisfies Signal);
      return this.#cutOffAfter(LAST_WORDS, resolve);
    });
    using _abandoning = onceAborted(
      abandon,
      () => resolve({ said: "ended", code: ExitCode.failed }),
    );
    const end = await ended;
    await worker.terminate();
    return end;
  }

  #start(resolve: (end: Ended | string) => void): Worker {
    const { order, style } = this.#options;
    const workerData: Assignment = { order, style, number: this.#number, memory: this.memory };
    const worker = new Worker(mainModule(), { workerData });
    let reason: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    worker.on("message", (report: Report) => {
      if (report.said === "ended") resolve(report);
      else if (report.said === "listening") this.#listens(report.where);
      else timer ??= setTimeout(() => resolve("it exited, and a handler did not end"), GRACE);
    });
    worker.on("error", (error) => reason = error.message);
    worker.on("exit", (code) => {
      clearTimeout(timer);
      resolve(reason ?? `it left with exit code ${code}`);
    });
    return worker;
  }

  #listens(where: string): void {
    if (this.#hasListened) {
      this.#options.log({ level: "info", message: "Listening again", thread: this.#number });
    }
    this.#hasListened = true;
    this.#listening.resolve(where);
  }

  /** A thread that burns CPU hears nothing: it isn't waited for longer than this. */
  #cutOffAfter(time: number, resolve: (end: Ended) => void): Disposable {
    const timer = setTimeout(() => {
      this.#complain(`Was cut off: a handler didn't let go of the thread${this.#countLost()}`);
      resolve({ said: "ended", code: ExitCode.failed });
    }, time);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  /** What it had received and not handled is lost with it; what was on its way may be. */
  #countLost(): string {
    const { received, handled, failed, dropped, requeued, lost } = this.#counter.snapshot;
    const left = received - handled - failed - dropped - requeued - lost;
    this.#counter.lost += left;
    const { requested } = this.#counter;
    this.#counter.requested = 0;
    const parts = [
      left > 0 ? `${left} events that it held` : "",
      requested > 0 ? `up to ${requested} that it was fetching` : "",
    ].filter((part) => part !== "");
    return parts.length === 0 ? "" : `; lost with it: ${parts.join(", and ")}`;
  }

  #complain(message: string): void {
    this.#options.log({ level: "error", message, thread: this.#number });
  }
}

/** Named by a `data:` URL, our module may be anywhere, and needs no permission to be read. */
function mainModule(): URL {
  const serve = JSON.stringify(import.meta.resolve("./serve.ts"));
  const code = `import { serve } from ${serve}; serve();`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

// Named by an import as well, the module is fetched with the program, not with its first thread.
void (() => import("./serve.ts"));

/** Does something once a signal is aborted; disposed of, it does so no more. */
function onceAborted(signal: AbortSignal, act: () => Disposable | void): Disposable {
  let begun: Disposable | void;
  const listener = () => void (begun = act());
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener("abort", listener);
      begun?.[Symbol.dispose]();
    },
  };
}
