import type { Bench, Measure } from "../bench.ts";
import { residentMegabytes } from "../process_facts.ts";
import type { Metric } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { MemoryReport } from "../tasks.ts";
import { labelOf, serversInTurn, type Site, startClients, startSite } from "./site.ts";

/** What a connection costs the process of its server. */
const IDLE: Metric = {
  id: "idleSockets",
  title: "Memory of an idle WebSocket",
  unit: "kB",
  ratio: "us",
};

/** Files that a process has open besides the connections. */
const OTHER_FILES = 200;

/** How much memory a WebSocket takes while nothing happens on it. */
export const idleSockets: Measure = {
  name: "idleSockets",
  definition: "one server process with many WebSockets in a group, on which nothing happens; the " +
    "clients are another process. How much the resident memory of the server has grown, after a " +
    "garbage collection, per WebSocket; the first ones, which warm the process up, don't count.",
  async run(bench) {
    await serversInTurn(bench, 1, (system) => run(bench, system));
  },
};

async function run({ plan, results }: Bench, system: System): Promise<void> {
  const { warmUp, count, fewer } = plan.idleSockets;
  const sockets = Math.min(fewer[system.name] ?? count, await mostFiles() - OTHER_FILES - warmUp);
  await using stack = new AsyncDisposableStack();
  const site = stack.use(await startSite(system));
  const connect = async (sockets: number) => {
    const task = { role: "connect", ports: [site.port], path: "/group", sockets } as const;
    await stack.use(startClients(task)).report();
    return await residentAfterCollection(site);
  };
  const before = await connect(warmUp);
  const after = await connect(sockets);
  const note = `${sockets.toLocaleString("en")} WebSockets`;
  results.add(IDLE, labelOf(system), (after - before) * 1_000 / sockets, note);
}

async function residentAfterCollection({ process }: Site): Promise<number> {
  await process.tell("collect");
  await process.report<MemoryReport>();
  return await residentMegabytes(process.pid);
}

/** How many files a process may have open. */
async function mostFiles(): Promise<number> {
  const text = await Deno.readTextFile("/proc/self/limits");
  return Number(/^Max open files +(\d+)/m.exec(text)?.[1] ?? 1_024);
}
