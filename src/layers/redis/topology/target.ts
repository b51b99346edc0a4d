import { LayerConfigurationError, LayerUnavailableError } from "../../../errors/mod.ts";
import type { Address, Endpoint, SentinelAddress } from "../address.ts";
import type { Client, Run, Target } from "../connection/client.ts";
import { openCluster } from "../connection/cluster_client.ts";
import { failureOf, layerError } from "../connection/failures.ts";
import { askInTurn, openServer } from "../connection/node_redis.ts";
import { MasterOfKey } from "./cluster.ts";

/**
 * Returns the target of an address; each connection has one of its own.
 *
 * @param key The only key that the commands will use: a cluster needs it for commands that block.
 */
export function targetAt(address: Address, key?: string): Target {
  const { name } = address;
  switch (address.kind) {
    case "server": {
      const { endpoint, database } = address;
      return {
        name,
        open: (signal) => openServer(endpoint, { access: address, signal, database }),
      };
    }
    case "cluster":
      if (key !== undefined) return new MasterOfKey(address, key);
      return { name, open: (signal) => openCluster(address.roots, { access: address, signal }) };
    case "sentinel":
      return new WatchedMaster(address);
  }
}

/** The master that Sentinels watch, and replace when it fails. */
class WatchedMaster implements Target {
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
    const { database } = this.#address;
    return await openServer(this.#master, { access: this.#address, signal, database });
  }

  async isCurrent(signal: AbortSignal): Promise<boolean> {
    const master = await findMaster(this.#address, signal);
    return JSON.stringify(master) === JSON.stringify(this.#master);
  }
}

/** How long a Sentinel may take to reply, in milliseconds. */
const SENTINEL_TIMEOUT = 2_000;

/**
 * Asks Sentinels for the address of the master.
 *
 * @throws {LayerUnavailableError} If no Sentinel replies.
 * @throws {LayerConfigurationError} If no Sentinel knows the master, or all reject the credentials.
 */
async function findMaster(address: SentinelAddress, signal: AbortSignal): Promise<Endpoint> {
  const { sentinels, sentinelAccess: access, master, name } = address;
  const options = { access, signal, timeout: SENTINEL_TIMEOUT };
  const { value, failures } = await askInTurn(sentinels, options, (run) => askFor(master, run));
  if (value) return value;
  if (failures.length < sentinels.length) {
    const reason = `no Sentinel knows a master named ${master}`;
    throw new LayerConfigurationError({ layer: name, reason });
  }
  throw withSentinels(
    name,
    failures.map((error) => layerError(error, { layer: name, wasSent: false })),
  );
}

async function askFor(master: string, run: Run): Promise<Endpoint | undefined> {
  const reply = await run(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
  if (!Array.isArray(reply)) return;
  const [host, port] = reply.map(String);
  return { host: host ?? "", port: Number(port) };
}

/** Returns the error for the case that every Sentinel failed. */
function withSentinels(layer: string, errors: readonly Error[]): Error {
  const notPermitted = errors.find((error) => failureOf(error)?.kind === "notPermitted");
  if (notPermitted) return notPermitted;
  const temporary = errors.find((error) => error instanceof LayerUnavailableError);
  if (temporary) {
    const reason = `no Sentinel replies: ${temporary.reason}`;
    return new LayerUnavailableError({ layer, reason, cause: temporary });
  }
  const [first] = errors;
  const detail = first instanceof LayerConfigurationError ? first.reason : String(first);
  const reason = `the Sentinels rejected the credentials: ${detail}`;
  return new LayerConfigurationError({ layer, reason, cause: first });
}
