import type { Address, Endpoint, SentinelAddress, ServerAddress } from "../address.ts";
import type { Client } from "../client/client.ts";
import { openCluster } from "../client/cluster_client.ts";
import { openServer } from "../client/server_client.ts";
import { MasterOfKey } from "./cluster.ts";
import { findMaster } from "./sentinel.ts";

/** The other end of a connection. */
export interface Server {
  /** What it is called in messages for people. */
  readonly name: string;
  /** Connects to it, wherever it is now; the signal ends the attempt. */
  open(signal: AbortSignal): Promise<Client>;
  /**
   * Whether what `open()` connected to is still the one to work with. Only for one that another may
   * take the place of: such a one may forget what was done to it.
   */
  isCurrent?(signal: AbortSignal): Promise<boolean>;
  /** How often to ask that, in milliseconds, if the server itself may never tell. */
  readonly checkInterval?: number;
}

/**
 * Makes what connects to an address; each connection has one of its own.
 *
 * @param key In a cluster, the one key that the commands will be about, if it is only one.
 */
export function serverAt(address: Address, key?: string): Server {
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
class WatchedServer implements Server {
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
