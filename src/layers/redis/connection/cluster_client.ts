import type { Endpoint } from "../address.ts";
import { isReply } from "./failures.ts";
import type { Argument, Client, OpenOptions, Reply, Run } from "./client.ts";
import { failureOf } from "./failures.ts";
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
  const explain = (error: unknown) => failureOf(error, access, roots);
  const client = new ClusterClient(cluster, ending, explain);
  const attempt = { connect: () => cluster.connect(), destroy: () => client.destroy() };
  await connect(attempt, signal).catch((error) => Promise.reject(explain(reason ?? error)));
  return client;
}

/** After trouble, the cluster is looked at anew; but at most so often, in milliseconds. */
const SHORTEST_LIFE = 300;

class ClusterClient implements Client {
  readonly #cluster: NodeRedisCluster;
  /** Ends the sockets, also those that are just being connected. */
  readonly #ending: AbortController;
  /** Creates errors that hold no secrets. */
  readonly #explain: (error: unknown) => Error;
  readonly #since = performance.now();
  /** Ends what waits for an answer: the cluster's own `destroy()` may leave some of it waiting. */
  readonly #pending = new Set<(error: Error) => void>();
  isReady = true;

  constructor(
    cluster: NodeRedisCluster,
    ending: AbortController,
    explain: (error: unknown) => Error,
  ) {
    this.#cluster = cluster;
    this.#ending = ending;
    this.#explain = explain;
  }

  readonly run: Run = (args) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#pending.add(reject);
    this.#cluster.sendCommand(keyOf(args), false, args)
      .then(resolve, (error) => reject(this.#noteTrouble(this.#explain(error))))
      .finally(() => this.#pending.delete(reject));
    return promise;
  };

  async servers(): Promise<readonly Run[]> {
    const { masters } = this.#cluster;
    const fail = (error: unknown) => Promise.reject(this.#explain(error));
    const nodes = masters.map((node) => this.#cluster.nodeClient(node));
    const clients = await Promise.all(nodes).catch(fail);
    return clients.map((client) => (args) => client.sendCommand(args).catch(fail));
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
