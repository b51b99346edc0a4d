import { type Bench, inTurn, start } from "../bench.ts";
import { Child } from "../child.ts";
import { US } from "../results.ts";
import { clientProgram, type System, type SystemName } from "../systems/mod.ts";
import type { ClientTask, SiteReport, SiteTask } from "../tasks.ts";
import { ROOMY } from "./drain.ts";

/** What servers are called in the tables. */
export const BARE_SERVER = "bare Deno.serve, and Pub/Sub on node-redis";
export const DAPHNE = "Channels with Daphne (Python)";

const LABELS: Partial<Record<SystemName, string>> = {
  redis: US,
  raw: BARE_SERVER,
  channels: DAPHNE,
};

/** The group of the sockets, and what a process says that has to do with it. */
export const GROUP = { channels: [], capacity: ROOMY, group: "bench" } as const;

/** A server process. */
export interface Site extends AsyncDisposable {
  readonly port: number;
  readonly process: Child;
}

/** What a server is called in the tables. */
export function labelOf({ name, title }: System): string {
  return LABELS[name] ?? title;
}

/** Measures in turn the systems that have a server. */
export async function serversInTurn(
  bench: Bench,
  rounds: number,
  measure: (system: System) => Promise<void>,
): Promise<void> {
  if (Deno.build.os !== "linux") return console.log("Servers are left out: the clients need Linux");
  const servers = bench.systems.filter(({ isServer }) => isServer).map(({ name }) => name);
  await inTurn(bench, servers, rounds, measure);
}

/** Starts a server, and waits until it listens. */
export async function startSite(
  system: System,
  http: SiteTask["http"] = "fetch",
): Promise<Site> {
  const process = start(system, { role: "site", ...GROUP, http });
  const { port } = await process.report<SiteReport>();
  return { port, process, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

/** Starts the clients of servers, in one process. */
export function startClients(task: ClientTask): Child {
  return new Child(clientProgram(task));
}
