import { LayerUnavailableError, LayerUnusableError } from "../../../errors.ts";
import type { Endpoint, SentinelAddress } from "../address.ts";
import { importNodeRedis } from "../client/node_redis.ts";
import { openServer } from "../client/server_client.ts";
import { explain, isNotPermitted } from "../trouble.ts";

/** How long a Sentinel may take to answer, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Asks Sentinels, one after the other, where their master is.
 *
 * @throws {LayerUnavailableError} When none answers.
 * @throws {LayerUnusableError} When none knows the master, or none lets us in.
 */
export async function findMaster(address: SentinelAddress, signal: AbortSignal): Promise<Endpoint> {
  const failures: Error[] = [];
  for (const sentinel of address.sentinels) {
    try {
      const master = await askSentinel(sentinel, address, signal);
      if (master) return master;
    } catch (error) {
      signal.throwIfAborted();
      failures.push(explain(error, address.name, false));
    }
  }
  throw whyNot(address, failures);
}

function whyNot({ name, master, sentinels }: SentinelAddress, failures: readonly Error[]): Error {
  if (failures.length < sentinels.length) {
    return new LayerUnusableError(name, `no Sentinel knows a master called ${master}`);
  }
  const notPermitted = failures.find(isNotPermitted);
  if (notPermitted) return notPermitted;
  const [first] = failures;
  const away = failures.find((failure) => failure instanceof LayerUnavailableError);
  if (away) return new LayerUnavailableError(name, `no Sentinel answers: ${away.reason}`, away);
  const reason = first instanceof LayerUnusableError ? first.reason : String(first);
  return new LayerUnusableError(name, `the Sentinels let nobody in: ${reason}`, { cause: first });
}

async function askSentinel(
  sentinel: Endpoint,
  { master, sentinelAccess: access }: SentinelAddress,
  signal: AbortSignal,
): Promise<Endpoint | undefined> {
  await importNodeRedis(); // The first time it takes a while, which isn't the Sentinel's.
  const ending = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  const client = await openServer(sentinel, { access, signal: ending });
  const end = () => client.destroy();
  ending.addEventListener("abort", end, { once: true });
  try {
    const reply = await client.run(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
    if (!Array.isArray(reply)) return;
    const [host, port] = reply.map(String);
    return { host: host ?? "", port: Number(port) };
  } finally {
    ending.removeEventListener("abort", end);
    client.destroy();
  }
}
