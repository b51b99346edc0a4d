import { type Bench, inTurn, type Measure, play, start } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { WorkReport } from "../tasks.ts";

/** Events per second that one worker handles. */
export const DRAIN: Metric = { id: "drain", title: "Drain", unit: "events/s", ratio: "us" };

/** How many events a channel may hold where nothing shall be refused. */
export const ROOMY = 10_000_000;

/** How fast a worker empties a full channel. */
export const drain: Measure = {
  name: "drain",
  definition:
    "events wait in a channel; then one worker process starts and handles them, one at a time, " +
    "with a handler that only counts; events per second from the first to the last handled. The " +
    "raw loop takes 128 with each ZPOPMIN and decodes them. In memory, the process that handles " +
    "has sent them before.",
  async run(bench) {
    const { rounds, events, fewer } = bench.plan.drain;
    const names = ["redis", "raw", "channels", "bullmq", "sqlite", "memory"] as const;
    await inTurn(bench, names, rounds, async (system) => {
      const count = fewer[system.name] ?? events;
      await measure(bench, system, count);
    });
  },
};

async function measure({ results }: Bench, system: System, count: number): Promise<void> {
  const rate = await drainRate(system, { channels: ["bench"], count, bytes: 0 });
  results.add(DRAIN, system.title, rate, `${count.toLocaleString("en")} events`);
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
