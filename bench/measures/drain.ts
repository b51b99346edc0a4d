import { type Bench, inTurn, type Measure, play, start } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { WorkReport } from "../tasks.ts";

/** Events per second that one worker handles, most of them after the JIT compiler has warmed up. */
export const DRAIN: Metric = { id: "drain", title: "Drain", unit: "events/s", ratio: "us" };

/** The same for a backlog so short that most of its time is warm-up. */
const COLD_DRAIN: Metric = {
  id: "coldDrain",
  title: "Drain, cold",
  unit: "events/s",
  ratio: "us",
};

/** How many events a channel may hold where nothing shall be refused. */
export const ROOMY = 10_000_000;

/** How fast a worker empties a full channel. */
export const drain: Measure = {
  name: "drain",
  definition:
    "events wait in a channel; then one worker process starts and handles them, one at a time, " +
    "with a handler that only counts; events per second from the first to the last handled. The " +
    "raw loop takes 128 with each ZPOPMIN and decodes them. In memory, the process that handles " +
    "has sent them before. A cold drain is so short that most of it is spent before the JIT " +
    "compiler has optimized the code. BullMQ stores its jobs durably and delivers them at least " +
    "once; with concurrency 100 it handles up to 100 jobs at a time.",
  async run(bench) {
    const { rounds, events, coldEvents, fewer } = bench.plan.drain;
    const peers = ["channels", "bullmq", "bullmq100"] as const;
    const fast = ["redis", "raw", "sqlite", "memory"] as const;
    await inTurn(bench, [...fast, ...peers], rounds, async (system) => {
      await measure(bench, DRAIN, system, fewer[system.name] ?? events);
    });
    await inTurn(bench, fast, rounds, (system) => measure(bench, COLD_DRAIN, system, coldEvents));
  },
};

async function measure(
  { results }: Bench,
  metric: Metric,
  system: System,
  count: number,
): Promise<void> {
  const rate = await drainRate(system, { channels: ["bench"], count, bytes: 0 });
  results.add(metric, system.title, rate, `${count.toLocaleString("en")} events`);
}

/** What waits in which channels. */
export interface Backlog {
  readonly channels: readonly string[];
  readonly count: number;
  readonly bytes: number;
}

/** Fills the channels, and lets one worker empty them; gives events per second. */
export async function drainRate(system: System, backlog: Backlog): Promise<number> {
  const { channels, count } = backlog;
  const alone = { every: 0, warmUp: 0 };
  if (!system.isAlone) await play(system, { role: "fill", ...backlog, capacity: ROOMY });
  await using worker = start(
    system,
    system.isAlone
      ? { role: "alone", ...backlog, ...alone, capacity: ROOMY }
      : { role: "work", channels, expected: count, capacity: ROOMY },
  );
  await worker.report();
  const { milliseconds } = await worker.report<WorkReport>();
  return (count - 1) / milliseconds * 1000;
}
