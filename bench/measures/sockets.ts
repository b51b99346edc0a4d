import { type Bench, type Measure, start } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { MomentReport } from "../tasks.ts";
import { GROUP, labelOf, serversInTurn, startClients, startSite } from "./site.ts";

const SOCKETS = 1_000;

/** How long it takes until all sockets have an event, by how many servers there are. */
export const SOCKETS_IN_ONE: Metric = metricOf(1);
export const SOCKETS_IN_4: Metric = metricOf(4);

const METRICS = new Map([[1, SOCKETS_IN_ONE], [4, SOCKETS_IN_4]]);

function metricOf(processes: number): Metric {
  return {
    id: `sockets${processes}`,
    title: `Fan-out to ${processes} x ${SOCKETS / processes} WebSockets`,
    unit: "ms",
    ratio: "us",
  };
}

/** How long it takes the WebSockets of a group to have an event. */
export const sockets: Measure = {
  name: "sockets",
  definition:
    `${SOCKETS.toLocaleString("en")} WebSockets, in one server process or in several, are ` +
    "in a group; their clients are one process, and another process sends one event to the group; " +
    "from before groupSend until the last client has it. The first sends, which warm the processes " +
    "up, don't count.",
  async run(bench) {
    for (const processes of bench.plan.sockets.processes) {
      const metric = METRICS.get(processes) ?? metricOf(processes);
      await serversInTurn(bench, 1, (system) => run(bench, system, { processes, metric }));
    }
  },
};

async function run(
  { plan, results }: Bench,
  system: System,
  { processes, metric }: { readonly processes: number; readonly metric: Metric },
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const sender = stack.use(start(system, { role: "groupSend", ...GROUP }));
  const startOne = async () => stack.use(await startSite(system));
  const sites = await Promise.all(Array.from({ length: processes }, startOne));
  const ports = sites.map(({ port }) => port);
  const clients = stack.use(
    startClients({ role: "connect", ports, path: "/group", sockets: SOCKETS }),
  );
  await Promise.all([sender, clients].map((child) => child.report()));
  const { warmUp, sends } = plan.sockets;
  for (let sent = 0; sent < warmUp + sends; sent++) {
    const { at } = await sender.ask<MomentReport>();
    const last = await clients.report<MomentReport>();
    if (sent >= warmUp) results.add(metric, labelOf(system), last.at - at);
  }
}
