import { type Bench, inTurn, type Measure, start } from "../bench.ts";
import type { Child } from "../child.ts";
import { cpuSeconds, residentMegabytes } from "../process_facts.ts";
import type { Metric } from "../results.ts";
import { pause } from "../roles/clock.ts";
import type { System } from "../systems/mod.ts";
import type { FeedReport, WorkReport } from "../tasks.ts";

const PROCESSES = 2;
const CAPACITY = 10_000;

const HANDLED: Metric = { id: "endToEnd", title: "End to end", unit: "events/s", ratio: "us" };

const CPU = "CPU for 100,000 events";
const SENDER_CPU: Metric = { id: "senderCpu", title: `${CPU}: senders`, unit: "s", ratio: "us" };
const WORKER_CPU: Metric = { id: "workerCpu", title: `${CPU}: workers`, unit: "s", ratio: "us" };
const REDIS_CPU: Metric = { id: "redisCpu", title: `${CPU}: Redis`, unit: "s", ratio: "us" };

const MEMORY_FIRST: Metric = {
  id: "workerMemoryFirst",
  title: "Resident memory of a worker, at the start",
  unit: "MB",
};
const MEMORY_LAST: Metric = {
  id: "workerMemoryLast",
  title: "Resident memory of a worker, at the end",
  unit: "MB",
};

/** Senders and workers at once, as fast as they can, and what that costs. */
export const endToEnd: Measure = {
  name: "endToEnd",
  definition: `${PROCESSES} processes send as fast as they may, 64 at once, while ${PROCESSES} ` +
    "worker processes handle one event at a time; a channel holds " +
    `${CAPACITY.toLocaleString("en")}. A sender that is refused pauses for 20 ms; for BullMQ, ` +
    "which refuses none, it asks after each 64 how many wait. Counted after a warm-up; CPU of the " +
    "processes of a kind together, per 100,000 events that they sent, or handled. What Redis uses " +
    "counts per handled event; an event that is handled twice counts twice.",
  async run(bench) {
    await inTurn(
      bench,
      ["redis", "channels", "bullmq", "bullmq100", "sqlite"],
      1,
      (system) => run(bench, system),
    );
  },
};

/** The processes of one system. */
interface Cast {
  readonly senders: readonly Child[];
  readonly workers: readonly Child[];
}

async function run(bench: Bench, system: System): Promise<void> {
  const common = { channels: ["bench"], capacity: CAPACITY };
  await using stack = new AsyncDisposableStack();
  const several = (order: Parameters<typeof start>[1]) =>
    Array.from({ length: PROCESSES }, () => stack.use(start(system, order)));
  const workers = several({ role: "work", ...common, expected: 0 });
  for (const worker of workers) await worker.report();
  const cast = { workers, senders: several({ role: "feed", ...common, lanes: 64, batch: 1 }) };
  const { warmUp, seconds } = bench.plan.endToEnd;
  const before = await look(bench, cast, warmUp);
  const after = await look(bench, cast, seconds);
  record(bench, system, before, after);
}

/** What the processes have done and used up to a moment. */
interface Sight {
  readonly at: number;
  readonly sent: number;
  readonly handled: number;
  readonly senderCpu: number;
  readonly workerCpu: number;
  readonly redisCpu: number;
  readonly memory: readonly number[];
}

/** Waits for so many seconds, and then asks all processes. */
async function look({ redis }: Bench, cast: Cast, seconds: number): Promise<Sight> {
  // One that has answered is up.
  await Promise.all(cast.senders.map((sender) => sender.ask()));
  await pause(seconds * 1000);
  const { senders, workers } = cast;
  const [sent, handled, senderCpu, workerCpu, redisCpu, memory] = await Promise.all([
    sum(senders, async (sender) => (await sender.ask<FeedReport>()).sent),
    sum(workers, async (worker) => (await worker.ask<WorkReport>()).handled),
    sum(senders, ({ pid }) => cpuSeconds(pid)),
    sum(workers, ({ pid }) => cpuSeconds(pid)),
    cpuSeconds(redis.pid),
    Promise.all(workers.map(({ pid }) => residentMegabytes(pid))),
  ]);
  const at = performance.now();
  return { at, sent, handled, senderCpu, workerCpu, redisCpu, memory };
}

async function sum(
  children: readonly Child[],
  valueOf: (child: Child) => Promise<number>,
): Promise<number> {
  const values = await Promise.all(children.map(valueOf));
  return values.reduce((total, value) => total + value, 0);
}

function record({ results }: Bench, { name, title }: System, before: Sight, after: Sight): void {
  const sent = after.sent - before.sent;
  const handled = after.handled - before.handled;
  const cost = (key: "senderCpu" | "workerCpu" | "redisCpu", events: number) =>
    (after[key] - before[key]) / events * 100_000;
  results.add(HANDLED, title, handled / (after.at - before.at) * 1000);
  results.add(SENDER_CPU, title, cost("senderCpu", sent));
  results.add(WORKER_CPU, title, cost("workerCpu", handled));
  if (name !== "sqlite") results.add(REDIS_CPU, title, cost("redisCpu", handled));
  for (const memory of before.memory) results.add(MEMORY_FIRST, title, memory);
  for (const memory of after.memory) results.add(MEMORY_LAST, title, memory);
}
