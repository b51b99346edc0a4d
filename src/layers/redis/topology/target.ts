import { LayerConfigurationError, LayerUnavailableError } from "../../../errors.ts";
import type { Address, Endpoint, SentinelAddress, ServerAddress } from "../address.ts";
import type { Client, Target } from "../connection/client.ts";
import { openCluster } from "../connection/cluster_client.ts";
import { explain, isNotPermitted } from "../connection/failures.ts";
import { askAt, openServer } from "../connection/server_client.ts";
import { MasterOfKey } from "./cluster.ts";

/**
 * Makes what connects to an address; each connection has one of its own.
 *
 * @param key In a cluster, the one key that the commands will be about, if it is only one.
 */
export function targetAt(address: Address, key?: string): Target {
  const { name } = address;
  switch (address.kind) {
    case "server":
      return { name, open: (signal) => openNamed(address.endpoint, address, signal) };
    case "cluster":
      if (key !== undefined) return new MasterOfKey(address, key);
      return { name, open: (signal) => openCluster(address.roots, { access: address, signal }) };
    case "sentinel":
      return new WatchedServer(address);
  }
}

function openNamed(
  endpoint: Endpoint,
  access: ServerAddress | SentinelAddress,
  signal: AbortSignal,
): Promise<Client> {
  return openServer(endpoint, { access, signal, database: access.database });
}

/** The master that Sentinels watch, and replace when it fails. */
class WatchedServer implements Target {
  readonly checkInterval = 1_000;
  readonly #address: SentinelAddress;
  #master: Endpoint | undefined;

  constructor(address: SentinelAddress) {
    this.#address = address;
  }

  get name(): string {
    return this.#address.name;
  }

  async open(signal: AbortSignal): Promise<Client> {
    this.#master = await findMaster(this.#address, signal);
    return await openNamed(this.#master, this.#address, signal);
  }

  async isCurrent(signal: AbortSignal): Promise<boolean> {
    const master = await findMaster(this.#address, signal);
    return JSON.stringify(master) === JSON.stringify(this.#master);
  }
}

/** How long a Sentinel may take to answer, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Asks Sentinels, one after the other, where their master is.
 *
 * @throws {LayerUnavailableError} When none answers.
 * @throws {LayerConfigurationError} When none knows the master, or none lets us in.
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
    return new LayerConfigurationError({
      layer: name,
      reason: `no Sentinel knows a master called ${master}`,
    });
  }
  const notPermitted = failures.find(isNotPermitted);
  if (notPermitted) return notPermitted;
  const [first] = failures;
  const away = failures.find((failure) => failure instanceof LayerUnavailableError);
  if (away) {
    return new LayerUnavailableError({
      layer: name,
      reason: `no Sentinel answers: ${away.reason}`,
      cause: away,
    });
  }
  const reason = first instanceof LayerConfigurationError ? first.reason : String(first);
  return new LayerConfigurationError({
    layer: name,
    reason: `the Sentinels let nobody in: ${reason}`,
    cause: first,
  });
}

async function askSentinel(
  sentinel: Endpoint,
  { master, sentinelAccess: access }: SentinelAddress,
  signal: AbortSignal,
): Promise<Endpoint | undefined> {
  return await askAt(sentinel, { access, signal, patience: PATIENCE }, async (client) => {
    const reply = await client.run(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
    if (!Array.isArray(reply)) return;
    const [host, port] = reply.map(String);
    return { host: host ?? "", port: Number(port) };
  });
}
