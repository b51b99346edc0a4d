import { setImmediate } from "node:timers";
import { parentPort } from "node:worker_threads";
import { holdForLife } from "../locks.ts";
import type { Notice, NumberedRequest, Welcome } from "../messages.ts";
import { type PackedError, packError } from "../packed_error.ts";
import { Bridge } from "./bridge.ts";
import { Company } from "./company.ts";
import { fence } from "./fence.ts";

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
  const company = new Company(new Bridge(welcome), await settle(load));
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

function answer(port: MessagePort, company: Company, request: NumberedRequest): void {
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
