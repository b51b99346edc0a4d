import { isBuiltin, registerHooks } from "node:module";
import process from "node:process";
import { setImmediate } from "node:timers";
import { parentPort } from "node:worker_threads";
import { ConsumerConfigurationError } from "../../errors.ts";
import type { Message } from "../../protocol/mod.ts";
import { isSyncConsumer, surround } from "./context.ts";
import { holdForLife } from "./locks.ts";
import type { Birth, Notice, NumberedRequest, Request, Welcome } from "./messages.ts";
import { type PackedError, packError } from "./packed_error.ts";
import { Bridge } from "./bridge.ts";

/**
 * What a thread does: it loads the module, and answers the requests of the main thread.
 *
 * @param load Imports the user's module.
 */
export async function serve(load: () => Promise<Record<string, unknown>>): Promise<void> {
  const welcome = await firstMessage();
  const { port, lock } = welcome;
  holdForLife(lock);
  port.postMessage({ said: "alive" });
  const strays = reportStrays(port);
  let isLeaving = false;
  addEventListener("unload", () => isLeaving = true);
  const company = new InstanceRegistry(new Bridge(welcome), await settle(load));
  if (welcome.isFenced) fence();
  // After `Deno.exit()` the module goes on for a moment: that doesn't count.
  if (isLeaving) return;
  port.onmessage = ({ data }: MessageEvent<NumberedRequest | Notice>) => {
    if (data.ask === "continue") strays.continue();
    else if (data.ask === "forget") company.forget(data.instance);
    // A handler that takes too much memory is noticed here, and not while a message is received.
    else setImmediate(() => answer(port, company, data));
  };
  port.postMessage({ said: "ready" });
}

function answer(port: MessagePort, company: InstanceRegistry, request: NumberedRequest): void {
  const { id } = request;
  try {
    if (request.ask === "check") company.classOf(request.consumer);
    else company.handle(request);
    port.postMessage({ said: "done", id });
  } catch (error) {
    port.postMessage({ said: "failed", id, error: packError(error) });
  }
}

/** Loads the module; what that fails with is thrown by each request. */
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

/** Node's threads and web workers get their messages in different ways. */
function firstMessage(): Promise<Welcome> {
  return new Promise((resolve) => {
    if (parentPort) return parentPort.once("message", resolve);
    const listener = ({ data }: MessageEvent<Welcome>) => resolve(data);
    addEventListener("message", listener as EventListener, { once: true });
  });
}

/**
 * A promise that fails while nothing awaits it must not end the thread. The main thread is told of one
 * such error at a time, and of how many there were.
 */
function reportStrays(port: MessagePort): { readonly continue: () => void } {
  let isTold = false;
  let last: PackedError | undefined;
  let count = 0;
  const tell = () => {
    if (isTold || !last) return;
    isTold = true;
    port.postMessage({ said: "stray", error: last, count });
    last = undefined;
    count = 0;
  };
  const report = (event: Event, error: unknown) => {
    event.preventDefault();
    last = packError(error);
    count++;
    tell();
  };
  addEventListener("unhandledrejection", (event) => report(event, event.reason));
  addEventListener("error", (event) => report(event, event.error));
  const proceed = () => {
    isTold = false;
    tell();
  };
  return { continue: proceed };
}

/** What a thread needs of a `SyncConsumer`. */
interface Consumer {
  dispatch(event: Message): void;
}

type ConsumerClass = new (...args: readonly unknown[]) => Consumer;

/** The consumers that live in a thread. */
export class InstanceRegistry {
  readonly #bridge: Bridge;
  readonly #module: () => Record<string, unknown>;
  readonly #members = new Map<number, Consumer>();

  /**
   * Opens a thread for consumers.
   *
   * @param module Gives what their module exports, or throws what that threw when it was loaded.
   */
  constructor(bridge: Bridge, module: () => Record<string, unknown>) {
    this.#bridge = bridge;
    this.#module = module;
  }

  /**
   * Finds a class in the module.
   *
   * @throws {ConsumerConfigurationError} When it isn't there, or can't be run here.
   */
  classOf(name: string): ConsumerClass {
    const found = Object.values(this.#exports(name)).find((value) =>
      typeof value === "function" && value.name === name
    ) as object | undefined;
    if (!found) {
      throw new ConsumerConfigurationError({
        consumer: name,
        reason: "its module does not export it",
      });
    }
    if (isSyncConsumer(found)) return found as ConsumerClass;
    throw new ConsumerConfigurationError({
      consumer: name,
      reason: "what its module exports by that name is no SyncConsumer",
    });
  }

  /** Gives an event to its consumer, which is made when it is new. */
  handle({ instance, event, birth }: Extract<Request, { ask: "handle" }>): void {
    const consumer = birth ? this.#bear(instance, birth) : this.#members.get(instance);
    consumer?.dispatch(event as Message);
  }

  /** Lets go of a consumer. */
  forget(instance: number): void {
    this.#members.delete(instance);
  }

  #bear(instance: number, { consumer: name, args, scope }: Birth): Consumer {
    const consumer = new (this.classOf(name))(...args);
    surround(consumer, {
      scope,
      call: (method, ...args) => this.#bridge.call({ instance, method, args }),
    });
    this.#members.set(instance, consumer);
    return consumer;
  }

  #exports(consumer: string): Record<string, unknown> {
    try {
      return this.#module();
    } catch (cause) {
      throw new ConsumerConfigurationError({
        consumer,
        reason: "its module cannot be loaded",
        cause,
      });
    }
  }
}

/**
 * Takes from the code of a thread with fewer permissions than its program what Deno gives to any code,
 * and what ends or holds up the whole process: signals to it (`process.kill()` needs no permission
 * for the own process), listeners for its signals, its flags, threads of its own, messages to its parent (a
 * flood of them would fill the memory of the host), the locks by which the
 * other threads are watched, and the modules that lead there.
 *
 * The module of the consumer is loaded before, by the rights of the program: it may keep what it needs.
 */
export function fence(): void {
  registerHooks({
    resolve(specifier, context, next) {
      if (!isBuiltin(specifier)) return next(specifier, context);
      throw new TypeError(`Code with fewer permissions can't import ${specifier} in a handler`);
    },
  });
  take(Deno, ["kill", "addSignalListener", "removeSignalListener", internalOf(Deno)]);
  take(process, ["kill", "_kill", "abort", "binding", "dlopen", "getBuiltinModule"]);
  take(globalThis, ["Worker", "postMessage"]);
  take(navigator, ["locks"]);
}

/** Deno's internals are under a symbol. */
function internalOf(deno: object): PropertyKey {
  return (deno as { readonly internal?: symbol }).internal ?? "internal";
}

/** Takes properties from an object, and from what it inherits them from. */
function take(owner: object, names: readonly PropertyKey[]): void {
  for (const name of names) {
    for (let level: object | null = owner; level; level = Object.getPrototypeOf(level)) {
      if (Object.hasOwn(level, name)) Reflect.deleteProperty(level, name);
    }
  }
}
