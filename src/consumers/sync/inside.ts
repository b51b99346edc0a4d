import { isBuiltin, registerHooks } from "node:module";
import process from "node:process";
import { setImmediate } from "node:timers";
import { receiveMessageOnPort } from "node:worker_threads";
import { ConsumerConfigurationError } from "../../errors/mod.ts";
import type { Message } from "../../protocol/mod.ts";
import { enterThread, type PackedError, packError, unpackError } from "../../threads/internal.ts";
import { StopConsumer } from "../stop_consumer.ts";
import { isSyncConsumer, setContext } from "./context.ts";
import {
  type Call,
  GATE,
  type Init,
  type InstanceStart,
  type Notice,
  type NumberedRequest,
  type Outcome,
  type Reply,
  type Request,
} from "./messages.ts";

/**
 * Runs in the thread: loads the module and handles the requests of the main thread.
 *
 * @param load Imports the user's module.
 */
export async function serve(load: () => Promise<Exports>): Promise<void> {
  const { init, isExiting } = await enterThread<Init>();
  const { requests } = init;
  const post = (reply: Reply) => requests.postMessage(reply);
  post({ type: "started" });
  const unhandled = reportUnhandled(post);
  const registry = new InstanceRegistry(init, await settle(load));
  if (init.isRestricted) restrict();
  if (isExiting()) return;
  requests.onmessage = ({ data }: MessageEvent<NumberedRequest | Notice>) => {
    if (data.type === "continue") unhandled.continue();
    else if (data.type === "release") registry.release(data.instance);
    // A handler that exceeds the memory limit is noticed here, and not while a message is received.
    else setImmediate(() => reply(post, registry, data));
  };
  post({ type: "ready" });
}

/** What a module exports. */
type Exports = Readonly<Record<string, unknown>>;

function reply(
  post: (reply: Reply) => void,
  registry: InstanceRegistry,
  request: NumberedRequest,
): void {
  const { id } = request;
  const done = () => post({ type: "done", id });
  const failed = (error: unknown) => post({ type: "failed", id, error: packError(error) });
  try {
    const result = request.type === "check"
      ? void registry.classOf(request.consumer)
      : registry.handle(request);
    // An asynchronous schema; the main thread sends one event at a time.
    if (result) result.then(done, failed);
    else done();
  } catch (error) {
    failed(error);
  }
}

/** Loads the module; each request throws the error if that fails. */
async function settle<T>(load: () => Promise<T>): Promise<() => T> {
  try {
    const module = await load();
    return () => module;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/**
 * Keeps unhandled rejections and uncaught errors from ending the thread. The main thread receives one of
 * them at a time, with the number of those since the last one.
 */
function reportUnhandled(post: (reply: Reply) => void): { readonly continue: () => void } {
  let isPaused = false;
  let last: PackedError | undefined;
  let count = 0;
  const flush = () => {
    if (isPaused || !last) return;
    isPaused = true;
    post({ type: "unhandled", error: last, count });
    last = undefined;
    count = 0;
  };
  const report = (event: Event, error: unknown) => {
    event.preventDefault();
    last = packError(error);
    count++;
    flush();
  };
  addEventListener("unhandledrejection", (event) => report(event, event.reason));
  addEventListener("error", (event) => report(event, event.error));
  const proceed = () => {
    isPaused = false;
    flush();
  };
  return { continue: proceed };
}

/** The part of a `SyncConsumer` that its thread uses. */
interface Consumer {
  dispatch(event: Message): void | PromiseLike<void>;
}

type ConsumerClass = new (...args: readonly unknown[]) => Consumer;

/** The instances of consumers in a thread. */
class InstanceRegistry {
  readonly #init: Init;
  readonly #exports: () => Exports;
  readonly #instances = new Map<number, Consumer>();

  /** @param exports Returns what the module exports, or throws what it threw when it was loaded. */
  constructor(init: Init, exports: () => Exports) {
    this.#init = init;
    this.#exports = exports;
  }

  /**
   * Returns a class of the module.
   *
   * @throws {ConsumerConfigurationError} If the module does not export it, or it cannot run here.
   */
  classOf(consumer: string): ConsumerClass {
    const found = Object.values(this.#load(consumer)).find((value) =>
      typeof value === "function" && value.name === consumer
    ) as object | undefined;
    if (found && isSyncConsumer(found)) return found as ConsumerClass;
    const { module } = this.#init;
    throw new ConsumerConfigurationError({
      consumer,
      reason: found
        ? `the class of that name in its module ${module} does not extend SyncConsumer`
        : `its module ${module} does not export it; export the class there, or add ` +
          '"static override module = import.meta.url" to it',
    });
  }

  /** Passes an event to its consumer, which is created if it is new; a promise is to be awaited. */
  handle(
    { instance, event, start }: Extract<Request, { type: "handle" }>,
  ): void | PromiseLike<void> {
    const consumer = start ? this.#create(instance, start) : this.#instances.get(instance);
    return consumer?.dispatch(event);
  }

  /** Removes a consumer. */
  release(instance: number): void {
    this.#instances.delete(instance);
  }

  #create(instance: number, { consumer: name, args, scope }: InstanceStart): Consumer {
    const consumer = new (this.classOf(name))(...args);
    setContext(consumer, {
      scope,
      call: (method, ...args) => callMainThread(this.#init, { instance, method, args }),
    });
    this.#instances.set(instance, consumer);
    return consumer;
  }

  #load(consumer: string): Exports {
    try {
      return this.#exports();
    } catch (cause) {
      const reason = "its module cannot be loaded";
      throw new ConsumerConfigurationError({ consumer, reason, cause });
    }
  }
}

/**
 * Calls a method in the main thread; blocks this thread until it has the outcome.
 *
 * @throws {TypeError} If an argument cannot be sent to another thread.
 * @throws What the main thread threw.
 */
function callMainThread({ calls, gate }: Init, call: Call): unknown {
  Atomics.store(gate, GATE.answered, 0);
  try {
    calls.postMessage(call);
  } catch (error) {
    throw new TypeError(`Cannot send this from a thread: ${(error as Error).message}`);
  }
  if (Atomics.load(gate, GATE.terminated) === 0) Atomics.wait(gate, GATE.answered, 0);
  const outcome: Outcome | undefined = receiveMessageOnPort(calls as never)?.message;
  if (!outcome) throw new Error("The thread is being terminated");
  if ("value" in outcome) return outcome.value;
  const error = unpackError(outcome.error, StopConsumer);
  // The stack shows where the handler made the call.
  if (error instanceof Error) Error.captureStackTrace(error, callMainThread);
  throw error;
}

/**
 * Removes from a thread with fewer permissions than its program what Deno grants to any code, and what
 * ends or blocks the whole process: signals to it (`process.kill()` needs no permission for its own
 * process), listeners for its signals, its flags, further threads, messages to its parent (enough of
 * them would fill the memory of the program), the locks by which the other threads are watched, and
 * the modules that provide these.
 *
 * The module of the consumer is loaded before, with the permissions of the program: it may keep what
 * it needs.
 */
function restrict(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!isBuiltin(specifier)) return next(specifier, context);
      throw new TypeError(`Cannot import ${specifier} in a handler with restricted permissions`);
    },
  });
  remove(Deno, ["kill", "addSignalListener", "removeSignalListener", internalOf(Deno)]);
  remove(process, ["kill", "_kill", "abort", "binding", "dlopen", "getBuiltinModule"]);
  remove(globalThis, ["Worker", "postMessage"]);
  remove(navigator, ["locks"]);
}

/** Returns the symbol of Deno's internals. */
function internalOf(deno: object): PropertyKey {
  return (deno as { readonly internal?: symbol }).internal ?? "internal";
}

/** Removes properties from an object, and from its prototypes. */
function remove(owner: object, names: readonly PropertyKey[]): void {
  for (const name of names) {
    for (let level: object | null = owner; level; level = Object.getPrototypeOf(level)) {
      if (Object.hasOwn(level, name)) Reflect.deleteProperty(level, name);
    }
  }
}
