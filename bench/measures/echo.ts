import type { Bench, Measure } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { EchoReport } from "../tasks.ts";
import { labelOf, serversInTurn, startClients, startSite } from "./site.ts";

const AT_ONCE = 100;

const ECHO: Metric = { id: "echo", title: "Echo on one WebSocket", unit: "ms", ratio: "us" };

const ECHO_99: Metric = {
  id: "echo99",
  title: "Echo on one WebSocket, 99th percentile",
  unit: "ms",
  ratio: "us",
};

const ECHO_RATE: Metric = {
  id: "echoRate",
  title: `Echo on ${AT_ONCE} WebSockets`,
  unit: "messages/s",
  ratio: "us",
};

/** How fast an application answers on WebSockets. */
export const echo: Measure = {
  name: "echo",
  definition:
    "an application sends each message of a client back; the clients are another process, " +
    "and each sends its next message when it has the one before: one client, median and 99th " +
    `percentile of the round trips, and ${AT_ONCE} clients, messages per second.`,
  async run(bench) {
    await serversInTurn(bench, bench.plan.echo.rounds, (system) => run(bench, system));
  },
};

async function run({ plan, results }: Bench, system: System): Promise<void> {
  const { warmUp, seconds } = plan.echo;
  await using site = await startSite(system);
  const measure = async (sockets: number) => {
    const { port } = site;
    await using clients = startClients({ role: "echo", port, sockets, warmUp, seconds });
    return await clients.report<EchoReport>();
  };
  const one = await measure(1);
  results.add(ECHO, labelOf(system), one.median);
  results.add(ECHO_99, labelOf(system), one.percentile99);
  results.add(ECHO_RATE, labelOf(system), (await measure(AT_ONCE)).perSecond);
}
