import type { Endpoint } from "../address.ts";
import { isReply } from "../trouble.ts";
import type { Argument, Client, OpenOptions, Reply, Run } from "./client.ts";
import { connect, importNodeRedis, type NodeRedisCluster, optionsOf } from "./node_redis.ts";

/** Finds the servers of a cluster, and connects to each when it is first needed. */
export async function openCluster(
  roots: readonly Endpoint[],
  { access, signal }: OpenOptions,
): Promise<Client> {
  const { RedisCluster, RESP_TYPES } = await importNodeRedis();
  const ending = new AbortController();
  const defaults = optionsOf(access, RESP_TYPES, ending.signal);
  const { RESP, commandOptions } = defaults;
  const rootNodes = roots.map((endpoint) => ({ socket: { ...defaults.socket, ...endpoint } }));
  const minimizeConnections = true;
  const options = { RESP, commandOptions, defaults, rootNodes, minimizeConnections };
  const cluster = new RedisCluster(options);
  let reason: unknown;
  cluster.on("error", (error) => reason = error);
  // What went wrong at the last root says more than that all of them failed.
  const client = new ClusterClient(cluster, ending);
  const attempt = { connect: () => cluster.connect(), destroy: () => client.destroy() };
  await connect(attempt, signal).catch((error) => Promise.reject(reason ?? error));
  return client;
}

/** After trouble, the cluster is looked at anew; but at most so often, in milliseconds. */
const SHORTEST_LIFE = 300;

class ClusterClient implements Client {
  readonly #cluster: NodeRedisCluster;
  /** Ends the sockets, also those that are just being connected. */
  readonly #ending: AbortController;
  readonly #since = performance.now();
  /** Ends what waits for an answer: the cluster's own `destroy()` may leave some of it waiting. */
  readonly #pending = new Set<(error: Error) => void>();
  isReady = true;

  constructor(cluster: NodeRedisCluster, ending: AbortController) {
    this.#cluster = cluster;
    this.#ending = ending;
  }

  readonly run: Run = (args) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#pending.add(reject);
    this.#cluster.sendCommand(keyOf(args), false, args)
      .then(resolve, (error) => reject(this.#noteTrouble(error)))
      .finally(() => this.#pending.delete(reject));
    return promise;
  };

  async servers(): Promise<readonly Run[]> {
    const { masters } = this.#cluster;
    const clients = await Promise.all(masters.map((node) => this.#cluster.nodeClient(node)));
    return clients.map((client) => (args) => client.sendCommand(args));
  }

  destroy(): void {
    this.isReady = false;
    this.#cluster.destroy();
    this.#ending.abort();
    for (const reject of this.#pending) reject(new Error("Disconnects client"));
    this.#pending.clear();
  }

  /** A server is gone: which one has its keys now is found out by a new client. */
  #noteTrouble(error: Error): Error {
    // The client has followed the keys for too long.
    if (/^(MOVED|ASK) /.test(error.message)) return new Error(`TRYAGAIN ${error.message}`);
    if (!isReply(error) && performance.now() - this.#since > SHORTEST_LIFE) this.isReady = false;
    return error;
  }
}

/** Where a command has its first key. */
const KEY_AT: Readonly<Record<string, number>> = { EVAL: 3, EVALSHA: 3 };

function keyOf(args: readonly Argument[]): Argument {
  return args[KEY_AT[String(args[0])] ?? 1] ?? "";
}
