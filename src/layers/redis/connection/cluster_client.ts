import type { Endpoint } from "../address.ts";
import { classify } from "./classify.ts";
import type { Argument, Client, OpenOptions, Reply, Run } from "./client.ts";
import { RedisFailure } from "./failures.ts";
import { connect, importNodeRedis, type NodeRedisCluster, optionsFor } from "./node_redis.ts";

/** Finds the servers of a cluster, and connects to each when it is first needed. */
export async function openCluster(
  roots: readonly Endpoint[],
  { access, signal }: OpenOptions,
): Promise<Client> {
  const { RedisCluster, RESP_TYPES } = await importNodeRedis();
  const ending = new AbortController();
  const defaults = optionsFor(access, RESP_TYPES, ending.signal);
  const { RESP, commandOptions } = defaults;
  const rootNodes = roots.map((endpoint) => ({ socket: { ...defaults.socket, ...endpoint } }));
  const minimizeConnections = true;
  const options = { RESP, commandOptions, defaults, rootNodes, minimizeConnections };
  const cluster = new RedisCluster(options);
  // The error of the last root says more than the final one: that all of them failed.
  let reason: unknown;
  cluster.on("error", (error) => reason = error);
  const fail = (error: unknown) => classify(error, access, roots);
  const client = new ClusterClient(cluster, ending, fail);
  await connect(() => cluster.connect(), () => client.destroy(), signal)
    .catch((error) => Promise.reject(fail(reason ?? error)));
  return client;
}

/** A cluster client is recreated after an error, but not within so many milliseconds. */
const MIN_LIFETIME = 300;

class ClusterClient implements Client {
  readonly #cluster: NodeRedisCluster;
  /** Closes the sockets, also those that are being connected. */
  readonly #ending: AbortController;
  readonly #classify: (error: unknown) => RedisFailure;
  readonly #openedAt = performance.now();
  /** Rejects pending commands: `destroy()` of node-redis may leave some of them pending. */
  readonly #pending = new Set<(failure: RedisFailure) => void>();
  isReady = true;

  constructor(
    cluster: NodeRedisCluster,
    ending: AbortController,
    classify: (error: unknown) => RedisFailure,
  ) {
    this.#cluster = cluster;
    this.#ending = ending;
    this.#classify = classify;
  }

  readonly run: Run = (args) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#pending.add(reject);
    this.#cluster.sendCommand(keyOf(args), false, args)
      .then(resolve, (error) => reject(this.#failureOf(error)))
      .finally(() => this.#pending.delete(reject));
    return promise;
  };

  async servers(): Promise<readonly Run[]> {
    const { masters } = this.#cluster;
    const fail = (error: unknown) => Promise.reject(this.#classify(error));
    const nodes = masters.map((node) => this.#cluster.nodeClient(node));
    const clients = await Promise.all(nodes).catch(fail);
    return clients.map((client) => (args) => client.sendCommand(args).catch(fail));
  }

  destroy(): void {
    this.isReady = false;
    this.#cluster.destroy();
    this.#ending.abort();
    for (const reject of this.#pending) reject(new RedisFailure("disconnected"));
    this.#pending.clear();
  }

  /** After the loss of a server, a new client has to find out which server has its keys now. */
  #failureOf(error: unknown): RedisFailure {
    const failure = this.#classify(error);
    const { redirect, message, isReply } = failure;
    // node-redis has followed redirections for too long.
    if (redirect !== undefined) return new RedisFailure("moving", message, { isReply });
    if (!isReply && performance.now() - this.#openedAt > MIN_LIFETIME) this.isReady = false;
    return failure;
  }
}

/** The index of a command's first key. */
const KEY_INDEX: Readonly<Record<string, number>> = { EVAL: 3, EVALSHA: 3 };

function keyOf(args: readonly Argument[]): Argument {
  return args[KEY_INDEX[String(args[0])] ?? 1] ?? "";
}
