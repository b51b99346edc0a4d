import { type Bench, inTurn, type Measure } from "../bench.ts";
import type { Metric } from "../results.ts";
import { quantile } from "../statistics.ts";
import type { SystemName } from "../systems/mod.ts";
import { type Backlog, drainRate } from "./drain.ts";
import { latencies, type Traffic } from "./latency.ts";

/** How many bytes one drain takes at most, and one second of the latency. */
const DRAINED_BYTES = 100_000_000;
const BYTES_PER_SECOND = 25_000_000;

/** What gets slower when there is more of something. */
export const growth: Measure = {
  name: "growth",
  definition: "drain and latency as above, for one worker that listens to one or more channels, " +
    "with the events spread evenly; with messages that grow, of 100 MB at most in all; and the drain of " +
    "backlogs that grow. Latency is the median, of this library on Redis.",
  async run(bench) {
    for (let round = 0; round < bench.plan.growth.rounds; round++) {
      await growChannels(bench);
      await growMessages(bench);
      await growBacklogs(bench);
    }
  },
};

async function growChannels(bench: Bench): Promise<void> {
  const { events, latencyEvents } = bench.plan.growth;
  for (const length of bench.plan.growth.channels) {
    const channels = Array.from({ length }, (_, index) => `bench-${index}`);
    const label = `${length} channel${length > 1 ? "s" : ""}`;
    await drainBoth(bench, "by channels", label, { channels, count: events, bytes: 0 });
    const traffic = { channels, every: 2, count: latencyEvents, bytes: 0 };
    await delay(bench, "by channels", label, traffic);
  }
}

async function growMessages(bench: Bench): Promise<void> {
  const { events, latencyEvents, sizes } = bench.plan.growth;
  const channels = ["bench"];
  for (const bytes of sizes) {
    const label = `${bytes.toLocaleString("en")} bytes`;
    const most = Math.min(events, DRAINED_BYTES / bytes);
    await drainBoth(bench, "by size of messages", label, { channels, count: most, bytes });
    const every = Math.max(2, bytes / BYTES_PER_SECOND * 1000);
    const count = Math.ceil(latencyEvents * 2 / every);
    await delay(bench, "by size of messages", label, { channels, every, count, bytes });
  }
}

async function growBacklogs(bench: Bench): Promise<void> {
  for (const count of bench.plan.growth.backlogs) {
    const label = `${count.toLocaleString("en")} events`;
    await drainBoth(bench, "by backlog", label, { channels: ["bench"], count, bytes: 0 });
  }
}

async function drainBoth(
  bench: Bench,
  by: string,
  label: string,
  backlog: Backlog,
): Promise<void> {
  for (const [name, backend] of [["redis", "Redis"], ["sqlite", "SQLite"]] as const) {
    const metric = metricOf(`Drain on ${backend}, ${by}`, "events/s");
    await alone(bench, name, async (system) => {
      const rate = await drainRate(system, backlog);
      bench.results.add(metric, label, rate, `${backlog.count.toLocaleString("en")} events`);
    });
  }
}

async function delay(
  bench: Bench,
  by: string,
  label: string,
  traffic: Omit<Traffic, "warmUp">,
): Promise<void> {
  const metric = metricOf(`Latency on Redis, ${by}`, "ms");
  await alone(bench, "redis", async (system) => {
    const warmUp = Math.ceil(traffic.count / 5);
    const times = await latencies(system, { ...traffic, warmUp });
    bench.results.add(metric, label, quantile(times, 0.5));
  });
}

/** One round of one system. */
function alone(
  bench: Bench,
  name: SystemName,
  measure: Parameters<typeof inTurn>[3],
): Promise<void> {
  return inTurn(bench, [name], 1, measure);
}

const metrics = new Map<string, Metric>();

function metricOf(title: string, unit: "events/s" | "ms"): Metric {
  let metric = metrics.get(title);
  if (!metric) metrics.set(title, metric = { id: title, title, unit, ratio: "first" });
  return metric;
}
