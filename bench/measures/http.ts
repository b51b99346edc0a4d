import type { Bench, Measure } from "../bench.ts";
import { type Metric, US } from "../results.ts";
import type { System } from "../systems/mod.ts";
import type { HttpReport, SiteTask } from "../tasks.ts";
import { labelOf, serversInTurn, startClients, startSite } from "./site.ts";

const CONNECTIONS = 32;

/** How many requests a server answers. */
export const HTTP: Metric = {
  id: "http",
  title: `HTTP requests on ${CONNECTIONS} connections`,
  unit: "requests/s",
  ratio: "first",
};

/** The rows of this library. */
export const FETCH = "this library, fromFetchHandler()";
const ASGI = "this library, an application in messages of ASGI";

/** How many requests a server answers. */
export const http: Measure = {
  name: "http",
  definition: "a handler responds with a short text; the clients are another process with " +
    `${CONNECTIONS} connections, and each sends its next request when it has the response. This ` +
    "library runs a function that returns a Response, in a ProtocolTypeRouter, and an application " +
    "in messages of ASGI; Daphne runs an application without Django's views.",
  async run(bench) {
    await serversInTurn(bench, bench.plan.http.rounds, async (system) => {
      const label = labelOf(system);
      await run(bench, system, { http: "fetch", label: label === US ? FETCH : label });
      if (label === US) await run(bench, system, { http: "asgi", label: ASGI });
    });
  },
};

async function run(
  { plan, results }: Bench,
  system: System,
  { http, label }: { readonly http: SiteTask["http"]; readonly label: string },
): Promise<void> {
  const { warmUp, seconds } = plan.http;
  await using site = await startSite(system, http);
  const { port } = site;
  const task = { role: "http", port, connections: CONNECTIONS, warmUp, seconds } as const;
  await using clients = startClients(task);
  results.add(HTTP, label, (await clients.report<HttpReport>()).perSecond);
}
