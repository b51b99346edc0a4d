import { LayerUnavailableError } from "../../../errors.ts";
import type { ClusterAddress, Endpoint } from "../address.ts";
import type { Argument, Client, Reply, Run, Target } from "../connection/client.ts";
import { askAt, openServer } from "../connection/server_client.ts";
import { explain } from "../connection/failures.ts";

/** Which servers of a cluster have which slots, as `CLUSTER SLOTS` answers. */
type Slots =
  readonly (readonly [first: number, last: number, master: Reply, ...replicas: Reply[]])[];

/** How long one server may take to say where a key is, in milliseconds. */
const PATIENCE = 2_000;

/**
 * The master that has the slot of one key. To it a connection of its own leads, over which a command
 * may wait, and on which can be asked what the replicas know.
 */
export class MasterOfKey implements Target {
  readonly #address: ClusterAddress;
  readonly #key: string;
  /** Whom to ask where the key is: those who answered last come first. */
  #known: readonly Endpoint[];
  #master: Endpoint | undefined;

  constructor(address: ClusterAddress, key: string) {
    this.#address = address;
    this.#key = key;
    this.#known = address.roots;
  }

  get name(): string {
    return this.#address.name;
  }

  async open(signal: AbortSignal): Promise<Client> {
    this.#master = await this.#find(this.#known, signal);
    const openAt = (endpoint: Endpoint) => openServer(endpoint, { access: this.#address, signal });
    return new KeyClient(await openAt(this.#master), openAt);
  }

  async isCurrent(signal: AbortSignal): Promise<boolean> {
    // It may not have heard yet that another one has taken its place.
    const others = this.#known.filter((endpoint) => !isSame(endpoint, this.#master));
    const master = await this.#find(others.length > 0 ? others : this.#known, signal);
    return isSame(master, this.#master);
  }

  /** Asks some servers, one after the other. */
  async #find(endpoints: readonly Endpoint[], signal: AbortSignal): Promise<Endpoint> {
    let failure: Error | undefined;
    for (const endpoint of endpoints) {
      try {
        return await this.#ask(endpoint, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = explain(error, this.name, false);
      }
    }
    throw failure ??
      new LayerUnavailableError({ layer: this.name, reason: "no server of the cluster is known" });
  }

  async #ask(endpoint: Endpoint, signal: AbortSignal): Promise<Endpoint> {
    const options = { access: this.#address, signal, patience: PATIENCE };
    return await askAt(endpoint, options, async (client) => {
      const [slot, slots] = await Promise.all([
        client.run(["CLUSTER", "KEYSLOT", this.#key]),
        client.run(["CLUSTER", "SLOTS"]),
      ]);
      return this.#read(Number(slot), slots as unknown as Slots, endpoint);
    });
  }

  #read(slot: number, slots: Slots, asked: Endpoint): Endpoint {
    const nodes = slots.flatMap(([, , ...nodes]) => nodes.map((node) => endpointOf(node, asked)));
    const others = [...nodes, ...this.#address.roots].filter((node) => !isSame(node, asked));
    this.#known = [
      ...new Map([asked, ...others].map((node) => [JSON.stringify(node), node])).values(),
    ];
    const range = slots.find(([first, last]) => first <= slot && slot <= last);
    if (range) return endpointOf(range[2], asked);
    throw new LayerUnavailableError({
      layer: this.name,
      reason: `no server has the slot of ${this.#key}`,
    });
  }
}

/** A connection to the master of a key, while its slot may be moving to another one. */
class KeyClient implements Client {
  readonly #client: Client;
  readonly #openAt: (endpoint: Endpoint) => Promise<Client>;
  /** Where some keys of the slot are already. */
  #target: { readonly name: string; readonly client: Promise<Client> } | undefined;
  #isMoved = false;

  constructor(client: Client, openAt: (endpoint: Endpoint) => Promise<Client>) {
    this.#client = client;
    this.#openAt = openAt;
  }

  get isReady(): boolean {
    return this.#client.isReady && !this.#isMoved;
  }

  readonly run: Run = async (args) => {
    try {
      return await this.#client.run(args);
    } catch (error) {
      const [, what, name] = /^(MOVED|ASK) \d+ (\S+)/.exec((error as Error).message) ?? [];
      if (what === "ASK" && name) return await this.#ask(name, args);
      if (what !== "MOVED") throw error;
      this.#isMoved = true;
      throw new Error("TRYAGAIN the slot has moved", { cause: error });
    }
  };

  servers(): Promise<readonly Run[]> {
    return this.#client.servers();
  }

  destroy(): void {
    this.#client.destroy();
    this.#target?.client.then((client) => client.destroy(), () => {});
  }

  /** Runs a command where the key is going to be. */
  async #ask(name: string, args: readonly Argument[]): Promise<Reply> {
    if (this.#target?.name !== name) {
      this.#target?.client.then((client) => client.destroy(), () => {});
      const at = name.lastIndexOf(":");
      const endpoint = { host: name.slice(0, at), port: Number(name.slice(at + 1)) };
      this.#target = { name, client: this.#openAt(endpoint) };
    }
    const client = await this.#target.client;
    return (await Promise.all([client.run(["ASKING"]), client.run(args)]))[1];
  }
}

/** A server that doesn't know its own name is where it was asked. */
function endpointOf(node: Reply, asked: Endpoint): Endpoint {
  const [host, port] = node as readonly Reply[];
  const name = String(host ?? "");
  return { host: name || ("host" in asked ? asked.host : ""), port: Number(port) };
}

function isSame(one: Endpoint, other: Endpoint | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
