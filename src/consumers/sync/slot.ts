import process from "node:process";
import { inspect } from "node:util";
import type { RuntimeOptions } from "./runtime.ts";
import type { Answer, Call, Request } from "./messages.ts";
import { unpackError } from "./packed_error.ts";
import { Thread } from "./thread.ts";

/** Something that is to be done in a thread. */
export interface Work {
  /** What to ask of the thread that it falls to. */
  readonly requestFor: (thread: Thread) => Request;
  /** How long it may take, in milliseconds, and what it fails with after that. */
  readonly limit?: { readonly time: number; readonly late: () => Error } | undefined;
  /** What it fails with when its thread dies. */
  readonly died: (reason: string) => Error;
}

/** Whoever a handler's calls are for. */
export interface CallTarget {
  readonly id: number;
  readonly call: (
    method: string,
    args: readonly unknown[],
    signal: AbortSignal,
  ) => Promise<unknown>;
}

interface PendingJob extends Work {
  readonly settled: PromiseWithResolvers<void>;
}

/**
 * A queue with a thread behind it: one job at a time is in the thread, so that its end costs no
 * other one. A thread that has ended is replaced when there is a job for it.
 */
export class Slot {
  readonly #options: RuntimeOptions;
  readonly #waiting: PendingJob[] = [];
  readonly #callees = new Map<number, CallTarget>();
  readonly #ending = new Set<Promise<void>>();
  #running: PendingJob | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #thread: Thread | undefined;

  constructor(options: RuntimeOptions) {
    this.#options = options;
  }

  /** How many consumers live here. */
  get load(): number {
    return this.#callees.size;
  }

  /** Does something in the thread, once what came before is done. */
  run(job: Work): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#waiting.push({ ...job, settled });
    this.#next();
    return settled.promise;
  }

  /** Takes a consumer in. */
  join(callee: CallTarget): void {
    this.#callees.set(callee.id, callee);
  }

  /** Lets go of a consumer, and of its instance in the thread. */
  leave({ id }: CallTarget): void {
    this.#callees.delete(id);
    this.#thread?.notify({ ask: "forget", instance: id });
  }

  /** Ends the thread, and waits until it has gone; nothing may be run any more. */
  async close(): Promise<void> {
    this.#end();
    const closed = new Error("The threads were ended");
    this.#takeRunning()?.settled.reject(closed);
    for (const { settled } of this.#waiting.splice(0)) settled.reject(closed);
    await Promise.all(this.#ending);
  }

  async #next(): Promise<void> {
    const job = this.#running ? undefined : this.#waiting.shift();
    if (!job) return;
    this.#running = job;
    try {
      const thread = this.#thread ??= this.#start();
      await thread.ready;
      if (this.#running === job) this.#give(job, thread);
    } catch (error) {
      // It can't be started, or something can't be sent to it.
      this.#finish(({ reject }) => reject(error));
    }
  }

  #give({ requestFor, limit }: Work, thread: Thread): void {
    thread.ask(requestFor(thread));
    if (!limit) return;
    this.#timer = setTimeout(() => {
      this.#end();
      this.#finish(({ reject }) => reject(limit.late()));
    }, limit.time);
  }

  #start(): Thread {
    const ifCurrent = (act: () => void) => {
      if (this.#thread === thread) act();
    };
    const thread: Thread = new Thread(this.#options, {
      heard: (answer) => ifCurrent(() => this.#hear(answer)),
      called: (call, signal) => this.#call(call, signal),
      died: (reason) => ifCurrent(() => this.#replace(reason)),
    });
    return thread;
  }

  /** The thread has ended, or must: the job in it fails, and the next one gets a new thread. */
  #replace(reason: string): void {
    this.#end();
    if (!this.#running) reportStray(new Error(`A thread ended between two events: ${reason}`));
    this.#finish(({ reject }, job) => reject(job.died(reason)));
  }

  #hear(answer: Answer): void {
    if (answer.said === "done") this.#finish(({ resolve }) => resolve());
    else if (answer.said === "failed") {
      this.#finish(({ reject }) => reject(unpackError(answer.error)));
    } else if (answer.said === "stray") {
      const error = unpackError(answer.error);
      const { count } = answer;
      reportStray(count === 1 ? error : new Error(`${count} errors; the last`, { cause: error }));
    }
  }

  async #call({ instance, method, args }: Call, signal: AbortSignal): Promise<unknown> {
    const callee = this.#callees.get(instance);
    if (!callee) throw new TypeError("This consumer has come to its end");
    return await callee.call(method, args, signal);
  }

  /** Ends the thread: from now on, nothing that it says counts. */
  #end(): void {
    const gone = this.#thread?.end();
    this.#thread = undefined;
    if (!gone) return;
    this.#ending.add(gone);
    gone.then(() => this.#ending.delete(gone));
  }

  #finish(settle: (settled: PromiseWithResolvers<void>, job: Work) => void): void {
    const job = this.#takeRunning();
    if (job) settle(job.settled, job);
    this.#next();
  }

  #takeRunning(): PendingJob | undefined {
    clearTimeout(this.#timer);
    const job = this.#running;
    this.#running = undefined;
    return job;
  }
}

/**
 * Tells of an error that no event waits for. It is as if it had happened here: a program that listens
 * for unhandled rejections, as `runworker` does, is told; in another one it is a warning, and not
 * the end.
 */
function reportStray(reason: unknown): void {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  const init = { promise, reason, cancelable: true };
  if (!dispatchEvent(new PromiseRejectionEvent("unhandledrejection", init))) return;
  // It may hold what a terminal takes for commands.
  const text = inspect(reason).replaceAll(
    /[^\P{C}\n]/gu,
    (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`,
  );
  process.emitWarning(`Unhandled error on a thread: ${text}`, "ChannelsWarning");
}
