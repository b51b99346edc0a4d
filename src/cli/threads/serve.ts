import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { LayerConfigurationError } from "../../errors.ts";
import { openLog } from "../log.ts";
import { ExitCode, UsageError, writeLine } from "../terminal.ts";
import { work } from "../work.ts";
import type { Assignment, Ended, Report, Signal } from "./messages.ts";
import { sharedCounter } from "./shared_counter.ts";

/** What a thread of a fleet does: the work of a worker, as it was told. */
export async function serve(): Promise<void> {
  const assignment: Assignment = workerData;
  const [stop, kill] = [new AbortController(), new AbortController()];
  parentPort?.on("message", (word: Signal) => (word === "stop" ? stop : kill).abort());
  let isLeaving = false;
  addEventListener("unload", () => isLeaving = true);
  const say = (report: Report) => {
    // After `Deno.exit()` the app goes on for a moment: that doesn't count.
    if (!isLeaving) parentPort?.postMessage(report);
  };
  let exit: (() => void) | undefined;
  const onExit = (really: () => void) => {
    exit ??= really;
    say({ said: "exiting" });
    stop.abort();
  };
  const ended = await workToTheEnd(assignment, {
    stop: stop.signal,
    kill: kill.signal,
    onListen: (where: string) => {
      interceptExits(onExit);
      say({ said: "listening", where });
    },
  });
  if (exit) exit();
  else say(ended);
}

/**
 * Code that exits ends its thread, but not what the thread has fetched: first it stops as a worker
 * does. Where the code exits, an error is thrown, since nothing after that is to run.
 */
function interceptExits(onExit: (really: () => void) => void): void {
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

async function workToTheEnd(
  { order, number, style, memory }: Assignment,
  told: {
    readonly stop: AbortSignal;
    readonly kill: AbortSignal;
    readonly onListen: (where: string) => void;
  },
): Promise<Ended> {
  using opened = openLog(style, (line) => writeLine(Deno.stderr, line));
  try {
    const code = await work(order, {
      ...told,
      log: (entry) => opened.log({ ...entry, thread: number }),
      counter: sharedCounter(memory),
      warns: number === 1,
    });
    return { said: "ended", code };
  } catch (error) {
    return { said: "ended", ...problemOf(error) };
  }
}

/** @throws What isn't foreseen: it ends the thread. */
function problemOf(error: unknown): { readonly code: ExitCode; readonly problem: string } {
  if (error instanceof UsageError) return { code: ExitCode.usage, problem: error.message };
  // Waiting or another thread mends neither.
  const isFinal = error instanceof LayerConfigurationError ||
    error instanceof Deno.errors.NotCapable;
  if (!isFinal) throw error;
  return { code: ExitCode.failed, problem: error.message };
}
