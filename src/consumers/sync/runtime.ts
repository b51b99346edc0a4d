import { Worker as NodeWorker } from "node:worker_threads";
import { whenFree } from "./locks.ts";
import type { Welcome } from "./messages.ts";

/** How a thread is started. */
export interface RuntimeOptions {
  /** The module that has the consumers, as a URL. */
  readonly module: string;
  /** What its code may do; what the program may do by default. */
  readonly permissions: Deno.PermissionOptions;
  /** How much memory its objects may take, in megabytes. */
  readonly memoryLimit: number;
}

/** A thread of the platform. */
export interface Runtime {
  /** Sends the first message. */
  readonly welcome: (welcome: Welcome) => void;
  /** The thread holds its lock. */
  readonly alive: () => void;
  /** Ends it, whatever it does. */
  readonly terminate: () => void;
  /** Resolves when it has come to its end, or is given up, with what it died of. */
  readonly died: Promise<string>;
  /** Resolves when it has come to its end: Deno (2.9) can't end one that burns CPU. */
  readonly gone: Promise<unknown>;
}

/** How long a thread may take to die, in milliseconds: one of Deno's may wait for ever. */
const AGONY = 1_000;

/** How much of an error's message is taken over. */
const MOST_CHARACTERS = 1_000;

/** Starts a thread. Only a web worker can be given fewer permissions, only Node's limits memory. */
export function startRuntime(options: RuntimeOptions, lock: string): Runtime {
  const { permissions, memoryLimit } = options;
  const url = mainModule(options.module);
  return permissions === "inherit" ? startNode(url, memoryLimit) : startWeb(url, permissions, lock);
}

/**
 * The module that the thread begins with. The user's is named in it by a literal: so it is loaded
 * by the rights of the program that starts the thread, and not by those of the thread.
 */
function mainModule(module: string): URL {
  const serve = JSON.stringify(import.meta.resolve("./inside.ts"));
  const code = `import { serve } from ${serve}; serve(() => import(${JSON.stringify(module)}));`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

// Named by an import as well, the module is fetched with the program, not with its first thread.
void (() => import("./inside.ts"));

function startNode(url: URL, memoryLimit: number): Runtime {
  const worker = new NodeWorker(url, { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } });
  const died = Promise.withResolvers<string>();
  let reason: string | undefined;
  worker.on("error", (error: Error & { readonly code?: string }) => {
    const isFull = error.code === "ERR_WORKER_OUT_OF_MEMORY";
    reason = isFull ? `it ran out of memory, of ${memoryLimit} MB` : error.message;
  });
  worker.on("exit", (code) => died.resolve(reason ?? `it left with exit code ${code}`));
  return {
    welcome: (welcome) => worker.postMessage(welcome, [welcome.port, welcome.calls] as never[]),
    alive: () => {},
    terminate: () => void worker.terminate(),
    died: died.promise,
    gone: died.promise,
  };
}

/** A web worker says nothing when it leaves: but then, its lock is free. */
function startWeb(url: URL, permissions: Deno.PermissionOptions, lock: string): Runtime {
  const worker = new Worker(url, { type: "module", deno: { permissions } });
  const died = Promise.withResolvers<string>();
  const gone = Promise.withResolvers<void>();
  let isAlive = false;
  let isOver = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const giveUp = (reason: string) => {
    // It may have said that it has ended, and go on.
    worker.terminate();
    died.resolve(reason);
  };
  died.promise.then(() => {
    isOver = true;
    clearTimeout(timer);
  });
  worker.onerror = (event) => {
    event.preventDefault();
    giveUp(String(event.message).slice(0, MOST_CHARACTERS));
  };
  // It has ports for what it has to say. This one must not be flooded either.
  worker.onmessage = worker.onmessageerror = () =>
    giveUp("its code posted a message to its parent");
  const onFree = () => {
    giveUp("it left");
    gone.resolve();
  };
  return {
    welcome: (welcome) => worker.postMessage(welcome, [welcome.port, welcome.calls]),
    alive: () => {
      isAlive = true;
      whenFree(lock, onFree);
    },
    terminate: () => {
      worker.terminate();
      // One that is not alive yet has no code of a handler.
      if (!isAlive) onFree();
      else if (!isOver) timer ??= setTimeout(() => giveUp("it was ended"), AGONY);
    },
    died: died.promise,
    gone: gone.promise,
  };
}
