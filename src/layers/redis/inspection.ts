import type { ServerInspection } from "../channel_layer.ts";
import type { Run } from "./client/client.ts";

/** How often a server is asked: the quickest answer tells how far away it is. */
const PINGS = 3;

/** How a server is. */
export async function inspectServer(run: Run): Promise<Omit<ServerInspection, "name">> {
  let roundTrip = Infinity;
  for (let times = 0; times < PINGS; times++) {
    const start = performance.now();
    await run(["PING"]);
    roundTrip = Math.min(roundTrip, performance.now() - start);
  }
  const policy = await evictionPolicyOf(run);
  return { version: await versionOf(run), roundTrip, ...policy && { evictionPolicy: policy } };
}

/** A user may lack the right to one of the two commands that tell it, or to both. */
async function evictionPolicyOf(run: Run): Promise<string | undefined> {
  const info = await run(["INFO", "memory"]).then(String, () => "");
  const known = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (known !== undefined) return known;
  const reply = await run(["CONFIG", "GET", "maxmemory-policy"]).catch(() => null);
  return Array.isArray(reply) && reply.length === 2 ? String(reply[1]) : undefined;
}

/** A user that may use the layer needn't have the right to ask for it. */
async function versionOf(run: Run): Promise<string> {
  const info = await run(["INFO", "server"]).then(String, () => "");
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  if (valkey) return `Valkey ${valkey}`;
  return `Redis ${/^redis_version:(\S+)/m.exec(info)?.[1] ?? "of unknown version"}`;
}
