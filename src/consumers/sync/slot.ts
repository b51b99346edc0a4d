import process from "node:process";
import { inspect } from "node:util";
import { unpackError } from "../../threads/internal.ts";
import { StopConsumer } from "../stop_consumer.ts";
import type { Call, Reply, Request } from "./messages.ts";
import { ConsumerThread, type ConsumerThreadOptions } from "./thread.ts";

/** Something to do in a thread. */
export interface Task {
  /** Returns the request for the thread that the task is given to. */
  readonly requestFor: (thread: ConsumerThread) => Request;
  /** How long it may take, in milliseconds, and the error if it takes longer. */
  readonly limit?: { readonly time: number; readonly exceeded: () => Error } | undefined;
  /** Returns the error if the thread exits meanwhile. */
  readonly exited: (reason: string) => Error;
}

/** Runs the calls of the handlers of one instance, in the main thread. */
export interface CallTarget {
  /** The number of the instance. */
  readonly id: number;
  readonly call: (
    method: string,
    args: readonly unknown[],
    signal: AbortSignal,
  ) => Promise<unknown>;
}

interface PendingTask extends Task {
  readonly settled: PromiseWithResolvers<void>;
}

/**
 * A queue with a thread behind it. The thread has one task at a time, so that no other one fails if
 * it exits. It is started, or replaced, when there is a task for it.
 */
export class Slot {
  readonly #options: ConsumerThreadOptions;
  readonly #waiting: PendingTask[] = [];
  readonly #targets = new Map<number, CallTarget>();
  readonly #terminating = new Set<Promise<void>>();
  #running: PendingTask | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #thread: ConsumerThread | undefined;

  constructor(options: ConsumerThreadOptions) {
    this.#options = options;
  }

  /** The number of instances that are attached. */
  get load(): number {
    return this.#targets.size;
  }

  /** Runs a task in the thread, after those that came before. */
  run(task: Task): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#waiting.push({ ...task, settled });
    this.#next();
    return settled.promise;
  }

  /** Attaches an instance: from now on, its handlers can make calls. */
  attach(target: CallTarget): void {
    this.#targets.set(target.id, target);
  }

  /** Detaches an instance, and releases it in the thread. */
  detach({ id }: CallTarget): void {
    this.#targets.delete(id);
    this.#thread?.notify({ type: "release", instance: id });
  }

  /** Terminates the thread, and waits until it has exited; no task may be added any more. */
  async close(): Promise<void> {
    this.#terminate();
    const running = this.#takeRunning();
    for (const task of [...running ? [running] : [], ...this.#waiting.splice(0)]) {
      task.settled.reject(task.exited("the server has stopped"));
    }
    await Promise.all(this.#terminating);
  }

  async #next(): Promise<void> {
    const task = this.#running ? undefined : this.#waiting.shift();
    if (!task) return;
    this.#running = task;
    try {
      const thread = this.#thread ??= this.#start();
      await thread.ready;
      if (this.#running === task) this.#request(task, thread);
    } catch (error) {
      // The thread cannot be started, or something cannot be sent to it.
      this.#finish(({ reject }) => reject(error));
    }
  }

  #request({ requestFor, limit }: Task, thread: ConsumerThread): void {
    thread.request(requestFor(thread));
    if (!limit) return;
    this.#timer = setTimeout(() => {
      this.#terminate();
      this.#finish(({ reject }) => reject(limit.exceeded()));
    }, limit.time);
  }

  #start(): ConsumerThread {
    const ifCurrent = (act: () => void) => {
      if (this.#thread === thread) act();
    };
    const thread: ConsumerThread = new ConsumerThread(this.#options, {
      onReply: (reply) => ifCurrent(() => this.#receive(reply)),
      onCall: (call, signal) => this.#call(call, signal),
      onExit: (reason) => ifCurrent(() => this.#replace(reason)),
    });
    return thread;
  }

  /** The thread has exited, or must: its task fails, and the next one starts a new thread. */
  #replace(reason: string): void {
    this.#terminate();
    if (!this.#running) reportUnhandled(new Error(`Thread exited between two events: ${reason}`));
    this.#finish(({ reject }, task) => reject(task.exited(reason)));
  }

  #receive(reply: Reply): void {
    if (reply.type === "done") this.#finish(({ resolve }) => resolve());
    else if (reply.type === "failed") {
      this.#finish(({ reject }) => reject(unpackError(reply.error, StopConsumer)));
    } else if (reply.type === "unhandled") {
      const error = unpackError(reply.error, StopConsumer);
      const { count } = reply;
      reportUnhandled(
        count === 1 ? error : new Error(`${count} errors; the last one is the cause`, {
          cause: error,
        }),
      );
    }
  }

  async #call({ instance, method, args }: Call, signal: AbortSignal): Promise<unknown> {
    const target = this.#targets.get(instance);
    if (!target) throw new TypeError("The scope of this consumer has ended");
    return await target.call(method, args, signal);
  }

  /** Terminates the thread: from now on, its messages are ignored. */
  #terminate(): void {
    const terminated = this.#thread?.terminate();
    this.#thread = undefined;
    if (!terminated) return;
    this.#terminating.add(terminated);
    terminated.then(() => this.#terminating.delete(terminated));
  }

  #finish(settle: (settled: PromiseWithResolvers<void>, task: Task) => void): void {
    const task = this.#takeRunning();
    if (task) settle(task.settled, task);
    this.#next();
  }

  #takeRunning(): PendingTask | undefined {
    clearTimeout(this.#timer);
    const task = this.#running;
    this.#running = undefined;
    return task;
  }
}

/**
 * Reports an error that no event waits for as an unhandled rejection of this thread: a program that
 * listens for these, as `runworker` does, receives it; in another one it is a warning, and does not
 * end the program.
 */
function reportUnhandled(reason: unknown): void {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  const init = { promise, reason, cancelable: true };
  if (!dispatchEvent(new PromiseRejectionEvent("unhandledrejection", init))) return;
  // A terminal must not interpret any of it.
  const text = inspect(reason).replaceAll(
    /[^\P{C}\n]/gu,
    (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`,
  );
  process.emitWarning(`Unhandled error on a thread: ${text}`, "ChannelsWarning");
}
