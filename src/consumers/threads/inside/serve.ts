import { setImmediate } from "node:timers";
import { parentPort } from "node:worker_threads";
import { holdForLife } from "../locks.ts";
import type { Notice, Request, Welcome } from "../messages.ts";
import { packError } from "../packed_error.ts";
import { Bridge } from "./bridge.ts";
import { Company } from "./company.ts";

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
  reportStrays(port);
  let isLeaving = false;
  addEventListener("unload", () => isLeaving = true);
  const company = new Company(new Bridge(welcome), await settle(load));
  // After `Deno.exit()` the module goes on for a moment: that doesn't count.
  if (isLeaving) return;
  port.onmessage = ({ data }: MessageEvent<Request | Notice>) => {
    // A handler that takes too much memory is noticed here, and not while a message is received.
    setImmediate(() => answer(port, company, data));
  };
  port.postMessage({ said: "ready" });
}

function answer(port: MessagePort, company: Company, message: Request | Notice): void {
  if (message.ask === "forget") return company.forget(message.instance);
  try {
    if (message.ask === "check") company.classOf(message.consumer);
    else company.handle(message);
    port.postMessage({ said: "done" });
  } catch (error) {
    port.postMessage({ said: "failed", error: packError(error) });
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

/** A promise that fails while nobody awaits it must not end the thread. */
function reportStrays(port: MessagePort): void {
  const report = (event: Event, error: unknown) => {
    event.preventDefault();
    port.postMessage({ said: "stray", error: packError(error) });
  };
  addEventListener("unhandledrejection", (event) => report(event, event.reason));
  addEventListener("error", (event) => report(event, event.error));
}
