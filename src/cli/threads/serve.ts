import process from "node:process";
import { LayerConfigurationError } from "../../errors/mod.ts";
import { enterThread } from "../../threads/internal.ts";
import { openLog } from "../log.ts";
import { ExitCode, UsageError, writeLine } from "../terminal.ts";
import { work } from "../work.ts";
import type { Ended, Init, Report, Signal } from "./messages.ts";
import { sharedCounter } from "./shared_counter.ts";

/** Runs in a thread of a thread group: runs a worker as configured. */
export async function serve(): Promise<void> {
  const { init, isExiting } = await enterThread<Init>();
  const { port } = init;
  const [stop, kill] = [new AbortController(), new AbortController()];
  port.onmessage = ({ data }: MessageEvent<Signal>) => (data === "stop" ? stop : kill).abort();
  const post = (report: Report) => {
    if (!isExiting()) port.postMessage(report);
  };
  let exit: (() => void) | undefined;
  const onExit = (exitThread: () => void) => {
    exit ??= exitThread;
    post({ type: "exiting" });
    stop.abort();
  };
  const ended = await runWorker(init, {
    stop: stop.signal,
    kill: kill.signal,
    onListen: (where: string) => {
      interceptExits(onExit);
      post({ type: "listening", where });
    },
  });
  if (exit) exit();
  else post(ended);
}

/**
 * An exit function ends its thread, but must not lose the events that the thread has fetched: the worker
 * stops gracefully first. The call throws, since the code after it must not run.
 */
function interceptExits(onExit: (exitThread: () => void) => void): void {
  const exit = Deno.exit;
  const interceptor = (name: string) => (code?: unknown): never => {
    const status = Number(code ?? process.exitCode ?? 0);
    onExit(() => exit(status));
    throw new Error(`${name} ends this thread with exit code ${status}`);
  };
  Object.assign(Deno, { exit: interceptor("Deno.exit()") });
  Object.assign(process, { exit: interceptor("process.exit()") });
  Object.assign(globalThis, { close: interceptor("close()") });
}

async function runWorker(
  { configuration, number, style, memory }: Init,
  context: {
    readonly stop: AbortSignal;
    readonly kill: AbortSignal;
    readonly onListen: (where: string) => void;
  },
): Promise<Ended> {
  using opened = openLog(style, (line) => writeLine(Deno.stderr, line));
  try {
    const code = await work(configuration, {
      ...context,
      log: (entry) => opened.log({ ...entry, thread: number }),
      counter: sharedCounter(memory),
      warns: number === 1,
    });
    return { type: "ended", code };
  } catch (error) {
    return { type: "ended", ...problemOf(error) };
  }
}

/** @throws What is unexpected: it ends the thread. */
function problemOf(error: unknown): { readonly code: ExitCode; readonly problem: string } {
  if (error instanceof UsageError) return { code: ExitCode.usage, problem: error.message };
  // A new thread would fail in the same way.
  const isFinal = error instanceof LayerConfigurationError ||
    error instanceof Deno.errors.NotCapable;
  if (!isFinal) throw error;
  return { code: ExitCode.failed, problem: error.message };
}
