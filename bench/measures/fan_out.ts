import { type Bench, inTurn, type Measure, start } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { MomentReport } from "../tasks.ts";
import { ROOMY } from "./drain.ts";

const MEMBERS = 1_000;

const metricOf = (processes: number): Metric => ({
  id: `fanOut${processes}`,
  title: `Fan-out to ${processes} x ${MEMBERS / processes} members`,
  unit: "ms",
  ratio: "us",
});

/** How long it takes a group to have an event. */
export const fanOut: Measure = {
  name: "fanOut",
  definition:
    `${MEMBERS.toLocaleString("en")} process-local channels, in one process or in several, ` +
    "are in a group and have a receive pending; another process sends one event to the group; from " +
    "before groupSend until the last member has it. The first send doesn't count.",
  async run(bench) {
    for (const processes of bench.plan.fanOut.processes) {
      const metric = metricOf(processes);
      await inTurn(
        bench,
        ["redis", "channels"],
        1,
        (system) => run(bench, system, { processes, metric }),
      );
    }
  },
};

async function run(
  { plan, results }: Bench,
  system: System,
  { processes, metric }: { readonly processes: number; readonly metric: Metric },
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const common = { channels: [], capacity: ROOMY, group: "bench" };
  const members = MEMBERS / processes;
  const receivers = Array.from(
    { length: processes },
    () => stack.use(start(system, { role: "join", ...common, members })),
  );
  const sender = stack.use(start(system, { role: "groupSend", ...common }));
  await Promise.all([...receivers, sender].map((child) => child.report()));
  for (let sends = 0; sends <= plan.fanOut.sends; sends++) {
    const { at } = await sender.ask<MomentReport>();
    const reports = await Promise.all(receivers.map((child) => child.report<MomentReport>()));
    const last = Math.max(...reports.map((report) => report.at));
    if (sends > 0) results.add(metric, system.title, last - at);
  }
}
