import { parentPort, workerData } from "node:worker_threads";
import { LayerUnusableError } from "../../errors.ts";
import { openLog } from "../log.ts";
import { ExitCode, UsageError, writeLine } from "../terminal.ts";
import { work } from "../work.ts";
import type { Assignment, Ended, Report, Word } from "./messages.ts";
import { sharedCounter } from "./shared_counter.ts";

/** What a thread of a fleet does: the work of a worker, as it was told. */
export async function serve(): Promise<void> {
  const assignment: Assignment = workerData;
  const [stop, kill] = [new AbortController(), new AbortController()];
  parentPort?.on("message", (word: Word) => (word === "stop" ? stop : kill).abort());
  let isLeaving = false;
  addEventListener("unload", () => isLeaving = true);
  const say = (report: Report) => {
    // After `Deno.exit()` the app goes on for a moment: that doesn't count.
    if (!isLeaving) parentPort?.postMessage(report);
  };
  say(
    await workToTheEnd(assignment, {
      stop: stop.signal,
      kill: kill.signal,
      onListening: (where: string) => say({ said: "listening", where }),
    }),
  );
}

async function workToTheEnd(
  { order, number, style, memory }: Assignment,
  told: {
    readonly stop: AbortSignal;
    readonly kill: AbortSignal;
    readonly onListening: (where: string) => void;
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
  const isFinal = error instanceof LayerUnusableError || error instanceof Deno.errors.NotCapable;
  if (!isFinal) throw error;
  return { code: ExitCode.failed, problem: error.message };
}
