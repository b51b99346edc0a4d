import { parentPort, Worker as NodeWorker } from "node:worker_threads";

/** How long a web worker may take to terminate, in milliseconds: Deno cannot end some of them. */
const TERMINATE_TIMEOUT = 1_000;

/** How many characters of an error's message are kept. */
const MAX_REASON = 1_000;

/** How a thread is started. */
export interface ThreadStart {
  /** The URL of a module of this package: the thread calls its `serve()`. */
  readonly entry: string;
  /** The URL of a module of the user: `serve()` receives a function that imports it. */
  readonly module?: string;
  /** What the code on the thread may do; by default what the program may do. */
  readonly permissions?: Deno.PermissionOptions;
  /** How much memory its objects may take, in megabytes; only with the program's permissions. */
  readonly memoryLimit?: number;
}

/** A running thread, as the thread that started it sees it. */
export interface Thread {
  /** Resolves with the reason once the thread has exited, or is abandoned because it cannot be terminated. */
  readonly exited: Promise<string>;
  /** Resolves once the thread has ended: Deno 2.9 cannot end one in an endless loop. */
  readonly ended: Promise<void>;
  /** To be called when the thread has confirmed, over a port of its owner, that `enterThread()` is done. */
  readonly confirm: () => void;
  /** Terminates the thread, whatever it does. */
  readonly terminate: () => void;
}

/** The first message to a thread. */
interface FirstMessage {
  readonly init: unknown;
  /** The name of a lock that the thread holds until it ends, if its end is not reported otherwise. */
  readonly lock?: string;
}

/**
 * Starts a thread. Only a web worker can have fewer permissions, only a thread of Node limits memory.
 *
 * @param init What `enterThread()` returns in the thread.
 * @param ports The ports in `init`.
 */
export function startThread(
  start: ThreadStart,
  init: unknown,
  ports: readonly MessagePort[],
): Thread {
  const { permissions = "inherit" } = start;
  return permissions === "inherit"
    ? startNodeThread(start, init, ports)
    : startWebWorker(start, permissions, init, ports);
}

/**
 * Waits for the first message of this thread.
 *
 * @returns What the thread was started with, and whether its code has called an exit function: the
 * module continues for a moment after `Deno.exit()`, and what it does then must be ignored.
 */
export async function enterThread<T>(): Promise<{
  readonly init: T;
  readonly isExiting: () => boolean;
}> {
  let isExiting = false;
  addEventListener("unload", () => isExiting = true);
  const { init, lock } = await firstMessage();
  if (lock !== undefined) locks()?.request(lock, () => new Promise(() => {}));
  return { init: init as T, isExiting: () => isExiting };
}

/** Threads of Node and web workers receive messages in different ways. */
function firstMessage(): Promise<FirstMessage> {
  return new Promise((resolve) => {
    if (parentPort) return parentPort.once("message", resolve);
    const listener = ({ data }: MessageEvent<FirstMessage>) => resolve(data);
    addEventListener("message", listener as EventListener, { once: true });
  });
}

/**
 * Returns the main module of a thread. A `data:` URL needs no permission to be read, wherever this
 * package is. The user's module is a literal in it, so that it is loaded with the permissions of the
 * program that starts the thread, and not with those of the thread.
 */
function mainModule({ entry, module }: ThreadStart): URL {
  const load = module === undefined ? "" : `() => import(${JSON.stringify(module)})`;
  const code = `import { serve } from ${JSON.stringify(entry)}; serve(${load});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

function startNodeThread(
  start: ThreadStart,
  init: unknown,
  ports: readonly MessagePort[],
): Thread {
  const { memoryLimit } = start;
  const resourceLimits = memoryLimit === undefined ? {} : { maxOldGenerationSizeMb: memoryLimit };
  const worker = new NodeWorker(mainModule(start), { resourceLimits });
  const exited = Promise.withResolvers<string>();
  let reason: string | undefined;
  worker.on("error", (error: Error & { readonly code?: string }) => {
    const isFull = error.code === "ERR_WORKER_OUT_OF_MEMORY";
    reason = isFull ? `memory limit of ${memoryLimit} MB exceeded` : error.message;
  });
  worker.on("exit", (code) => exited.resolve(reason ?? `exit code ${code}`));
  worker.postMessage({ init } satisfies FirstMessage, ports as never);
  return {
    exited: exited.promise,
    ended: exited.promise.then(() => {}),
    confirm: () => {},
    terminate: () => void worker.terminate(),
  };
}

function startWebWorker(
  start: ThreadStart,
  permissions: Deno.PermissionOptions,
  init: unknown,
  ports: readonly MessagePort[],
): Thread {
  const worker = new Worker(mainModule(start), { type: "module", deno: { permissions } });
  const thread = new WebThread(worker);
  worker.postMessage({ init, lock: thread.lock } satisfies FirstMessage, [...ports]);
  return {
    exited: thread.exited.promise,
    ended: thread.ended.promise,
    confirm: () => thread.confirm(),
    terminate: () => thread.terminate(),
  };
}

/**
 * A web worker. It reports no exit; but its lock is released then.
 *
 * States: `starting` → `confirmed` (it holds its lock) → `exited`. One that cannot be terminated is
 * `exited` after a timeout, and ends later, or never.
 */
class WebThread {
  readonly lock = `asgi.channels.thread.${crypto.randomUUID()}`;
  readonly exited = Promise.withResolvers<string>();
  readonly ended = Promise.withResolvers<void>();
  readonly #worker: Worker;
  #isConfirmed = false;
  #isExited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onerror = (event) => {
      event.preventDefault();
      this.#abandon(String(event.message).slice(0, MAX_REASON));
    };
    // It has ports for its messages. This one must not be flooded either.
    worker.onmessage = worker.onmessageerror = () =>
      this.#abandon("its code posted a message to its parent");
  }

  confirm(): void {
    this.#isConfirmed = true;
    locks()?.request(this.lock, () => this.#end());
  }

  terminate(): void {
    this.#worker.terminate();
    // Before that it has run no code of a handler.
    if (!this.#isConfirmed) this.#end();
    else if (!this.#isExited) {
      this.#timer ??= setTimeout(() => this.#abandon("terminated"), TERMINATE_TIMEOUT);
    }
  }

  #end(): void {
    this.#abandon("its code ended the thread");
    this.ended.resolve();
  }

  /** Stops waiting for it. It may have reported an error, and continue: it is terminated. */
  #abandon(reason: string): void {
    this.#worker.terminate();
    this.#isExited = true;
    clearTimeout(this.#timer);
    this.exited.resolve(reason);
  }
}

/** The part of the Web Locks that is used here; TypeScript's library for Deno lacks them. */
interface Locks {
  request(name: string, whenHeld: () => unknown): Promise<unknown>;
}

function locks(): Locks | undefined {
  return (navigator as { readonly locks?: Locks }).locks;
}
