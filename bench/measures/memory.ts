import { type Bench, inTurn, type Measure, start } from "../bench.ts";
import type { Child } from "../child.ts";
import { residentMegabytes } from "../process_facts.ts";
import type { Metric } from "../results.ts";
import { pause } from "../roles/clock.ts";
import type { System } from "../systems/mod.ts";
import type { MemoryReport, WorkReport } from "../tasks.ts";

/** The resident memory of a worker, after some numbers of events. */
const MEMORY: Metric = { id: "memory", title: "Resident memory of a worker", unit: "MB" };

/** The same of what is still used in its heap, after a garbage collection. */
const LIVE: Metric = { id: "liveMemory", title: "Memory of a worker that is in use", unit: "MB" };

/** How much that has grown from the first to the last of these numbers. */
export const MEMORY_GROWTH: Metric = {
  id: "memoryGrowth",
  title: "Growth of a worker's memory that is in use",
  unit: "MB",
};

/** How often the worker is asked how far it is, in milliseconds. */
const INTERVAL = 20;

/** Whether the memory of a worker grows with the events that it handles. */
export const memory: Measure = {
  name: "memory",
  definition: "one process sends without end, with sendMany of 100 into a channel that holds " +
    "10,000, to one worker process; after a warm-up, halfway and at the end, the resident memory of " +
    "the worker, which rises and falls with V8's garbage, and what of its heap is in use after a " +
    "garbage collection, which shows whether anything is kept.",
  async run(bench) {
    await inTurn(bench, ["redis", "sqlite"], 1, (system) => run(bench, system));
  },
};

async function run({ plan, results }: Bench, system: System): Promise<void> {
  const { warmUp, events } = plan.memory;
  const common = { channels: ["bench"], capacity: 10_000 };
  await using worker = start(system, { role: "work", ...common, expected: 0 });
  await worker.report();
  await using _sender = start(system, { role: "feed", ...common, lanes: 4, batch: 100 });
  const sizes: number[] = [];
  for (const count of [warmUp, (warmUp + events) / 2, events]) {
    const { resident, live } = await memoryAfter(worker, count);
    sizes.push(live);
    results.add(MEMORY, `${system.title}, ${count.toLocaleString("en")} events`, resident);
    results.add(LIVE, `${system.title}, ${count.toLocaleString("en")} events`, live);
  }
  const note = `${warmUp.toLocaleString("en")} to ${events.toLocaleString("en")} events`;
  results.add(MEMORY_GROWTH, system.title, sizes.at(-1)! - sizes[0]!, note);
}

/** Waits until the worker has handled so many events, and gives its memory. */
async function memoryAfter(
  worker: Child,
  count: number,
): Promise<{ readonly resident: number; readonly live: number }> {
  while ((await worker.ask<WorkReport>()).handled < count) await pause(INTERVAL);
  const resident = await residentMegabytes(worker.pid);
  await worker.tell("collect");
  const { live } = await worker.report<MemoryReport>();
  return { resident, live };
}
