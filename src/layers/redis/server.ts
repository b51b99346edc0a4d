import type { Address, Endpoint, SentinelAddress } from "./address.ts";
import { type Client, openCluster, openServer } from "./client.ts";
import { findMaster } from "./sentinel.ts";

/** The other end of a connection. */
export interface Server {
  /** What it is called in messages for people. */
  readonly name: string;
  /** Connects to it, wherever it is now. */
  open(): Promise<Client>;
  /**
   * Whether what `open()` connected to is still the one to work with. Only for one that another may
   * take the place of: such a one may forget what was done to it.
   */
  isCurrent?(): Promise<boolean>;
}

/** Makes what connects to an address; each connection has one of its own. */
export function serverAt(address: Address): Server {
  const { name } = address;
  switch (address.kind) {
    case "server":
      return { name, open: () => openServer(address.endpoint, address, address.database) };
    case "cluster":
      return { name, open: () => openCluster(address.roots, address) };
    case "sentinel":
      return new WatchedServer(address);
  }
}

/** The master that Sentinels watch, and replace when it fails. */
class WatchedServer implements Server {
  readonly #address: SentinelAddress;
  #master: Endpoint | undefined;

  constructor(address: SentinelAddress) {
    this.#address = address;
  }

  get name(): string {
    return this.#address.name;
  }

  async open(): Promise<Client> {
    this.#master = await findMaster(this.#address);
    return await openServer(this.#master, this.#address, this.#address.database);
  }

  async isCurrent(): Promise<boolean> {
    return JSON.stringify(await findMaster(this.#address)) === JSON.stringify(this.#master);
  }
}
