import { LayerUnavailableError } from "../../../errors/mod.ts";
import type { ClusterAddress, Endpoint } from "../address.ts";
import type { Argument, Client, Reply, Run, Target } from "../connection/client.ts";
import { layerError, RedisFailure } from "../connection/failures.ts";
import { askInTurn, openServer } from "../connection/node_redis.ts";

/** Which servers of a cluster hold which slots: the reply to `CLUSTER SLOTS`. */
type Slots =
  readonly (readonly [first: number, last: number, master: Reply, ...replicas: Reply[]])[];

/** How long a server may take to say where a key is, in milliseconds. */
const LOOKUP_TIMEOUT = 2_000;

/**
 * The master that holds the slot of one key. A connection of its own leads to it: a command on it
 * may block, and its replicas can be asked for confirmations.
 */
export class MasterOfKey implements Target {
  readonly #address: ClusterAddress;
  readonly #key: string;
  /** The servers to ask for the slot: the one that replied last comes first. */
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
    // A master that was replaced may not know it yet.
    const others = this.#known.filter((endpoint) => !isSame(endpoint, this.#master));
    const master = await this.#find(others.length > 0 ? others : this.#known, signal);
    return isSame(master, this.#master);
  }

  async #find(endpoints: readonly Endpoint[], signal: AbortSignal): Promise<Endpoint> {
    const options = { access: this.#address, signal, timeout: LOOKUP_TIMEOUT };
    const { value, failures } = await askInTurn(endpoints, options, async (run, endpoint) => {
      const [slot, slots] = await Promise.all([
        run(["CLUSTER", "KEYSLOT", this.#key]),
        run(["CLUSTER", "SLOTS"]),
      ]);
      return this.#read(Number(slot), slots as unknown as Slots, endpoint);
    });
    if (value) return value;
    if (failures.length === 0) throw this.#unavailable("no server of the cluster is known");
    throw layerError(failures.at(-1), { layer: this.name, wasSent: false });
  }

  #read(slot: number, slots: Slots, asked: Endpoint): Endpoint {
    const nodes = slots.flatMap(([, , ...nodes]) => nodes.map((node) => endpointOf(node, asked)));
    const others = [...nodes, ...this.#address.roots].filter((node) => !isSame(node, asked));
    this.#known = [
      ...new Map([asked, ...others].map((node) => [JSON.stringify(node), node])).values(),
    ];
    const range = slots.find(([first, last]) => first <= slot && slot <= last);
    if (range) return endpointOf(range[2], asked);
    throw this.#unavailable(`no server holds the slot of ${this.#key}`);
  }

  #unavailable(reason: string): LayerUnavailableError {
    return new LayerUnavailableError({ layer: this.name, reason });
  }
}

/** A client of the master of a key, whose slot may be moving to another server. */
class KeyClient implements Client {
  readonly #client: Client;
  readonly #openAt: (endpoint: Endpoint) => Promise<Client>;
  /** The server that holds some keys of the slot already. */
  #importing: { readonly name: string; readonly client: Promise<Client> } | undefined;
  #hasMoved = false;

  constructor(client: Client, openAt: (endpoint: Endpoint) => Promise<Client>) {
    this.#client = client;
    this.#openAt = openAt;
  }

  get isReady(): boolean {
    return this.#client.isReady && !this.#hasMoved;
  }

  readonly run: Run = async (args) => {
    try {
      return await this.#client.run(args);
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error;
      if (error.kind === "ask" && error.redirect) return await this.#ask(error.redirect, args);
      if (error.kind !== "moved") throw error;
      this.#hasMoved = true;
      throw new RedisFailure("moving", error.message, { isReply: true });
    }
  };

  servers(): Promise<readonly Run[]> {
    return this.#client.servers();
  }

  destroy(): void {
    this.#client.destroy();
    this.#importing?.client.then((client) => client.destroy(), () => {});
  }

  /** Runs a command on the server that the key is moving to. */
  async #ask(name: string, args: readonly Argument[]): Promise<Reply> {
    if (this.#importing?.name !== name) {
      this.#importing?.client.then((client) => client.destroy(), () => {});
      const at = name.lastIndexOf(":");
      const endpoint = { host: name.slice(0, at), port: Number(name.slice(at + 1)) };
      this.#importing = { name, client: this.#openAt(endpoint) };
    }
    const client = await this.#importing.client;
    return (await Promise.all([client.run(["ASKING"]), client.run(args)]))[1];
  }
}

/** A server that does not know its own host is where it was asked. */
function endpointOf(node: Reply, asked: Endpoint): Endpoint {
  const [host, port] = node as readonly Reply[];
  const name = String(host ?? "");
  return { host: name || ("host" in asked ? asked.host : ""), port: Number(port) };
}

function isSame(one: Endpoint, other: Endpoint | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
