import { inTurn, type Measure, play, start } from "../bench.ts";
import type { Metric } from "../results.ts";
import { quantile } from "../statistics.ts";
import type { System } from "../systems/mod.ts";
import type { WorkReport } from "../tasks.ts";
import { ROOMY } from "./drain.ts";

/** How often an event is sent, in milliseconds. */
const EVERY = 2;

/** The time that half of the events take at most. */
export const LATENCY: Metric = {
  id: "latency",
  title: "Latency, median",
  unit: "ms",
  ratio: "us",
};

/** The time that 99 % of the events take at most. */
export const LATENCY_99: Metric = {
  id: "latency99",
  title: "Latency, 99th percentile",
  unit: "ms",
  ratio: "us",
};

const LATENCY_MAX: Metric = {
  id: "latencyMax",
  title: "Latency, maximum",
  unit: "ms",
  ratio: "us",
};

/** How long an event is under way when there is nothing else to do. */
export const latency: Measure = {
  name: "latency",
  definition: "a worker is idle, and one event comes every 2 ms from another process; from the " +
    "moment before send to the first line of the handler, by the clock of the machine. The raw " +
    "loop waits with BZPOPMIN, and its sender awaits the script. In memory, sender and worker " +
    "are one process.",
  async run(bench) {
    const { plan, results } = bench;
    const { rounds, warmUp, events: count } = plan.latency;
    const names = ["redis", "raw", "channels", "bullmq", "sqlite", "memory"] as const;
    await inTurn(bench, names, rounds, async (system) => {
      const traffic = { channels: ["bench"], every: EVERY, warmUp, count, bytes: 0 };
      const times = await latencies(system, traffic);
      results.add(LATENCY, system.title, quantile(times, 0.5));
      results.add(LATENCY_99, system.title, quantile(times, 0.99));
      results.add(LATENCY_MAX, system.title, quantile(times, 1));
    });
  },
};

/** What is sent to an idle worker, and how often, in milliseconds. */
export interface Traffic {
  readonly channels: readonly string[];
  readonly every: number;
  readonly warmUp: number;
  readonly count: number;
  readonly bytes: number;
}

/** What each of the events took from the sender to the handler, in milliseconds. */
export async function latencies(system: System, traffic: Traffic): Promise<readonly number[]> {
  const { channels, warmUp, count } = traffic;
  await using worker = start(
    system,
    system.isAlone
      ? { role: "alone", ...traffic, capacity: ROOMY }
      : { role: "work", channels, expected: warmUp + count, capacity: ROOMY },
  );
  await worker.report();
  if (!system.isAlone) await play(system, { role: "pace", ...traffic, capacity: ROOMY });
  const report = await worker.report<WorkReport>();
  return report.latencies;
}
