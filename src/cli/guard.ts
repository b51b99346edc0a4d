import type { Log } from "./log.ts";

/** What an application leaves floating must not end the worker: it is logged, and it lives on. */
export function guardAgainstStrays(log: Log): Disposable {
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    log({ level: "error", message: "A promise that nobody awaits failed", error: event.reason });
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    log({ level: "error", message: "An error that nobody catches", error: event.error });
  };
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}
