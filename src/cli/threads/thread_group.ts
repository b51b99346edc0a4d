import { setTimeout as pause } from "node:timers/promises";
import { Backoff, onAbort } from "../../async.ts";
import { startThread, type Thread } from "../../threads/internal.ts";
import type { WorkerCounts } from "../../worker/mod.ts";
import type { Log, LogStyle } from "../log.ts";
import { ExitCode, type Terminal, UsageError } from "../terminal.ts";
import type { WorkerConfiguration } from "../work.ts";
import type { Ended, Init, Report, Signal } from "./messages.ts";
import { counterMemory, sharedCounter, sumOf } from "./shared_counter.ts";

/** Options for a {@linkcode ThreadGroup}. */
export interface ThreadGroupOptions {
  readonly order: WorkerConfiguration;
  readonly threads: number;
  readonly style: LogStyle;
  readonly log: Log;
  readonly terminal: Pick<Terminal, "stop" | "kill">;
}

/** Several threads with the same configuration, as one worker: the user's code runs in them only. */
export class ThreadGroup {
  readonly #options: ThreadGroupOptions;
  readonly #threads: readonly WorkerThread[];
  readonly #abandon = new AbortController();

  constructor(options: ThreadGroupOptions) {
    this.#options = options;
    this.#threads = Array.from(
      { length: options.threads },
      (_, index) => new WorkerThread(index + 1, options),
    );
  }

  /** The counts of all threads. */
  get counts(): WorkerCounts {
    return sharedCounter(sumOf(this.#threads.map(({ memory }) => memory))).snapshot;
  }

  /**
   * Runs the threads until the terminal stops them.
   *
   * @throws {UsageError} If they cannot run because of a mistake of the user.
   */
  async run(): Promise<ExitCode> {
    this.#announce();
    const ends = await Promise.all(this.#threads.map((thread) => this.#run(thread)));
    const problem = ends.find((end) => end.problem !== undefined);
    if (problem?.code === ExitCode.usage) throw new UsageError(problem.problem);
    if (problem) this.#options.log({ level: "error", message: `${problem.problem}` });
    return ends.every(({ code }) => code === ExitCode.ok) ? ExitCode.ok : ExitCode.failed;
  }

  /** If one thread cannot run, no other one can: the problem is reported once. */
  async #run(thread: WorkerThread): Promise<Ended> {
    const end = await thread.run(this.#abandon.signal);
    if (end.code !== ExitCode.ok && !this.#options.terminal.stop.aborted) this.#abandon.abort();
    return end;
  }

  async #announce(): Promise<void> {
    const { order, threads, log } = this.#options;
    const [where] = await Promise.all(this.#threads.map(({ listening }) => listening));
    const message = `Listening on ${order.channels.join(", ")} (${where}, ${threads} threads)`;
    log({ level: "info", message });
  }
}

/** How long to wait before a thread that has exited is replaced, in milliseconds. */
const BACKOFF = { min: 100, max: 10_000 };

/** How much longer than its timeout a thread may take to stop, in milliseconds. */
const STOP_TIMEOUT = 1_000;

/** How long a thread may take to log what it interrupts, in milliseconds. */
const KILL_TIMEOUT = 200;

// Named by an import as well, the module is fetched with the program, not with its first thread.
void (() => import("./serve.ts"));

/** One thread of a group, which is replaced when it exits. */
class WorkerThread {
  /** The memory of its counter. */
  readonly memory = counterMemory();
  readonly #number: number;
  readonly #options: ThreadGroupOptions;
  readonly #counter = sharedCounter(this.memory);
  readonly #listening = Promise.withResolvers<string>();
  #hasListened = false;
  /** Whether the code of the thread has exited it: the thread requeues its events first. */
  #isExiting = false;

  constructor(number: number, options: ThreadGroupOptions) {
    this.#number = number;
    this.#options = options;
  }

  /** Resolves with the layer and the app when it listens for the first time. */
  get listening(): Promise<string> {
    return this.#listening.promise;
  }

  /**
   * Keeps a thread running until the terminal stops it.
   *
   * @param abandon Terminates it immediately, without a log line.
   */
  async run(abandon: AbortSignal): Promise<Ended> {
    const { stop } = this.#options.terminal;
    for (const backoff = new Backoff(BACKOFF);;) {
      const startedAt = performance.now();
      const end = await this.#runOnce(abandon);
      if (typeof end !== "string" && !(end.problem && this.#hasListened)) return end;
      if (performance.now() - startedAt > BACKOFF.max) backoff.reset();
      const delay = stop.aborted || !this.#hasListened ? undefined : backoff.next();
      this.#reportExit(typeof end === "string" ? end : `${end.problem}`, delay);
      if (delay === undefined) {
        return { type: "ended", code: this.#isExiting ? ExitCode.ok : ExitCode.failed };
      }
      await pause(delay, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return { type: "ended", code: ExitCode.ok };
    }
  }

  /** Runs a thread to its end; returns the reason if it exits before it has reported its end. */
  async #runOnce(abandon: AbortSignal): Promise<Ended | string> {
    const { promise, resolve } = Promise.withResolvers<Ended | string>();
    this.#isExiting = false;
    const { port1: port, port2 } = new MessageChannel();
    const thread = this.#start(port2);
    const end = await this.#watch({ thread, port, abandon, resolve, ended: promise });
    thread.terminate();
    await thread.ended;
    port.close();
    return end;
  }

  #start(port: MessagePort): Thread {
    const { order: configuration, style } = this.#options;
    const init: Init = { configuration, style, number: this.#number, memory: this.memory, port };
    return startThread({ entry: import.meta.resolve("./serve.ts") }, init, [port]);
  }

  /** Passes signals to a thread, and waits for its end, as long as it may take. */
  async #watch({ thread, port, abandon, resolve, ended }: {
    readonly thread: Thread;
    readonly port: MessagePort;
    readonly abandon: AbortSignal;
    readonly resolve: (end: Ended | string) => void;
    readonly ended: Promise<Ended | string>;
  }): Promise<Ended | string> {
    const { terminal: { stop, kill }, order: { shutdownTimeout } } = this.#options;
    using timers = new DisposableStack();
    const after = (time: number, act: () => void) => {
      const timer = setTimeout(act, time);
      timers.defer(() => clearTimeout(timer));
    };
    const signal = (name: Signal, time: number) => {
      port.postMessage(name);
      after(time, () => resolve(this.#reportTermination()));
    };
    port.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data.type === "ended") resolve(data);
      else if (data.type === "listening") this.#onListen(data.where);
      else {
        this.#isExiting = true;
        after(STOP_TIMEOUT, () => resolve(this.#exitTimeout()));
      }
    };
    using _stop = onAbort(stop, () => signal("stop", shutdownTimeout + STOP_TIMEOUT));
    using _kill = onAbort(kill, () => signal("kill", KILL_TIMEOUT));
    using _abandon = onAbort(abandon, () => resolve({ type: "ended", code: ExitCode.failed }));
    thread.exited.then(resolve);
    const end = await ended;
    port.onmessage = null;
    return end;
  }

  #exitTimeout(): string {
    this.#isExiting = false;
    return "its code exited, and a handler did not return";
  }

  #onListen(where: string): void {
    if (this.#hasListened) {
      this.#options.log({ level: "info", message: "Listening again", thread: this.#number });
    }
    this.#hasListened = true;
    this.#listening.resolve(where);
  }

  #reportExit(reason: string, delay: number | undefined): void {
    const next = delay === undefined ? "" : `; restarting in ${delay} ms`;
    this.#logError(`Thread exited: ${reason}${this.#countLost()}${next}`);
  }

  /** A thread whose handler blocks it receives no signal. */
  #reportTermination(): Ended {
    const message = "Thread terminated: its handler did not return in time";
    this.#logError(`${message}${this.#countLost()}`);
    return { type: "ended", code: ExitCode.failed };
  }

  /** Counts the events that the thread had received and not handled; those being fetched may be lost. */
  #countLost(): string {
    const { received, handled, failed, dropped, requeued, lost } = this.#counter.snapshot;
    const left = received - handled - failed - dropped - requeued - lost;
    this.#counter.lost += left;
    const { requested } = this.#counter;
    this.#counter.requested = 0;
    const parts = [
      left > 0 ? `${left} received events` : "",
      requested > 0 ? `up to ${requested} being fetched` : "",
    ].filter((part) => part !== "");
    return parts.length === 0 ? "" : `; lost: ${parts.join(" and ")}`;
  }

  #logError(message: string): void {
    this.#options.log({ level: "error", message, thread: this.#number });
  }
}
