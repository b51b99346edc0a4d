import type { AloneTask, MemoryReport, WorkTask } from "../tasks.ts";
import { fill } from "./fill.ts";
import { pace } from "./pace.ts";
import type { Subject } from "./subject.ts";
import { Tally } from "./tally.ts";
import { onEachLine, report } from "./terminal.ts";

/** Handles events until the process ends. */
export async function work(task: WorkTask, subject: Subject): Promise<void> {
  const tally = new Tally(task.expected, report);
  const telling = onEachLine((line) => report(line === "collect" ? collect() : tally.report()));
  await Promise.all([subject.work(task, tally, () => report({})), telling]);
}

/** Collects all garbage: the process has to be started with `--v8-flags=--expose-gc`. */
export function collect(): MemoryReport {
  (globalThis as unknown as { readonly gc: () => void }).gc();
  return { live: Deno.memoryUsage().heapUsed / 1e6 };
}

/** Sends and handles in one process, for a layer that has no other. */
export async function workAlone(task: AloneTask, subject: Subject): Promise<void> {
  const { count, every, warmUp } = task;
  const tally = new Tally(count + (every > 0 ? warmUp : 0), report);
  if (every === 0) await fill(task, subject);
  const working = subject.work(task, tally, () => report({}));
  if (every > 0) await pace(task, subject);
  await working;
}
