import { LayerUnavailableError, LayerUnusableError } from "../../errors.ts";
import type { Endpoint, SentinelAddress } from "./address.ts";
import { openServer } from "./client.ts";

/** How long a Sentinel may take to answer, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Asks Sentinels, one after the other, where their master is.
 *
 * @throws {LayerUnavailableError} When none answers.
 * @throws {LayerUnusableError} When none knows the master.
 */
export async function findMaster(address: SentinelAddress): Promise<Endpoint> {
  const failures: unknown[] = [];
  for (const sentinel of address.sentinels) {
    try {
      const master = await askSentinel(sentinel, address);
      if (master) return master;
    } catch (error) {
      failures.push(error);
    }
  }
  const { name, master, sentinels } = address;
  if (failures.length < sentinels.length) {
    throw new LayerUnusableError(name, `no Sentinel knows a master called ${master}`);
  }
  const [cause] = failures;
  const detail = cause instanceof Error ? cause.message : String(cause);
  throw new LayerUnavailableError(name, `no Sentinel answers (${detail})`, { cause });
}

async function askSentinel(
  sentinel: Endpoint,
  { master, sentinelAccess }: SentinelAddress,
): Promise<Endpoint | undefined> {
  const client = await openServer(sentinel, sentinelAccess);
  const timer = setTimeout(() => client.destroy(), PATIENCE);
  try {
    const reply = await client.run(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
    if (!Array.isArray(reply)) return;
    const [host, port] = reply.map(String);
    return { host: host ?? "", port: Number(port) };
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}
