import { Buffer } from "node:buffer";
import type { Access, Endpoint } from "./address.ts";
import { checkTls } from "./tls_check.ts";
import { FIRST_WORDS, isReply, messageOf } from "./trouble.ts";

/** What a command is made of. */
export type Argument = string | Buffer;

/** What Redis answers: texts come as bytes. */
export type Reply = Buffer | number | null | readonly Reply[];

/** Runs one command. */
export type Run = (args: readonly Argument[]) => Promise<Reply>;

/** What commands go through: a connection to one server, or to those of a cluster. */
export interface Client {
  /** Whether it may still be used; else another one is to be made. */
  readonly isReady: boolean;
  readonly run: Run;
  /** The servers that share the keys, each to be run commands on by itself. */
  servers(): Promise<readonly Run[]>;
  /** Ends it; what is under way rejects. */
  destroy(): void;
}

/** The parts of node-redis that are used here. */
interface NodeRedis {
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
  // `createClient()` and its like make a class anew for each server, which takes 40 ms.
  readonly RedisClient: new (options: object) => NodeRedisClient;
  readonly RedisCluster: new (options: object) => NodeRedisCluster;
}

interface Connectable {
  connect(): Promise<unknown>;
  destroy(): void;
}

interface NodeRedisClient extends Connectable {
  readonly isReady: boolean;
  on(event: "error", listener: (error: unknown) => void): unknown;
  sendCommand(args: readonly Argument[]): Promise<Reply>;
}

interface NodeRedisCluster extends Omit<NodeRedisClient, "sendCommand"> {
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<NodeRedisClient>;
  sendCommand(key: Argument, readonly: boolean, args: readonly Argument[]): Promise<Reply>;
}

/** How long a server may take to let us in, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;

/** How to open a client. */
export interface OpenOptions {
  readonly access: Access;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  readonly database?: number;
}

/** Connects to a server; tried once, since whoever waits for it decides about trying again. */
export async function openServer(
  endpoint: Endpoint,
  { access, signal, database = 0 }: OpenOptions,
): Promise<Client> {
  const { RedisClient, RESP_TYPES } = await importNodeRedis();
  const ending = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT)]);
  if (access.tls) await checkTls(endpoint, access.tls, ending);
  const options = optionsOf(access, RESP_TYPES);
  const socket = { ...options.socket, ...endpoint };
  const client = new ServerClient(new RedisClient({ ...options, socket, database }));
  await client.connect(ending);
  return client;
}

/** Finds the servers of a cluster, and connects to each when it is first needed. */
export async function openCluster(
  roots: readonly Endpoint[],
  { access, signal }: OpenOptions,
): Promise<Client> {
  const { RedisCluster, RESP_TYPES } = await importNodeRedis();
  const defaults = optionsOf(access, RESP_TYPES);
  const { RESP, commandOptions } = defaults;
  const rootNodes = roots.map((endpoint) => ({ socket: { ...defaults.socket, ...endpoint } }));
  const minimizeConnections = true;
  const options = { RESP, commandOptions, defaults, rootNodes, minimizeConnections };
  const cluster = new RedisCluster(options);
  let reason: unknown;
  cluster.on("error", (error) => reason = error);
  // What went wrong at the last root says more than that all of them failed.
  const ending = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT)]);
  await connect(cluster, ending).catch((error) => Promise.reject(reason ?? error));
  return new ClusterClient(cluster);
}

/**
 * Connects. The client's own time limit ends when the connection stands: a server that is silent
 * then, about a password say, would never be given up.
 */
async function connect(client: Connectable, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new Error("no answer in time"));
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await Promise.race([client.connect(), givenUp]);
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Imported late: it costs a tenth of a second that users of other layers needn't pay. */
async function importNodeRedis(): Promise<NodeRedis> {
  return await import("redis") as unknown as NodeRedis;
}

function optionsOf({ username, password, tls }: Access, { BLOB_STRING }: NodeRedis["RESP_TYPES"]) {
  return {
    RESP: 2,
    commandOptions: {
      timeout: 0, // One timer of ours for all commands costs less than one for each.
      typeMapping: { [BLOB_STRING]: Buffer },
    },
    disableClientInfo: true,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    username,
    password,
    socket: {
      connectTimeout: CONNECT_TIMEOUT,
      reconnectStrategy: false,
      ...tls && { tls: true, ...tls },
    },
  };
}

class ServerClient implements Client {
  readonly #client: NodeRedisClient;
  /** What is wrong with the connection: the commands under way may not be told. */
  #failure: unknown;
  #fail: (error: unknown) => void = () => {};
  #hasAnswered = false;

  constructor(client: NodeRedisClient) {
    this.#client = client;
    client.on("error", (error) => {
      this.#failure ??= error;
      this.#fail(error);
      client.destroy();
    });
  }

  /** Connects, and gives up for good when that fails. */
  async connect(signal: AbortSignal): Promise<void> {
    const failing = new Promise<never>((_, reject) => this.#fail = reject);
    const { destroy } = this;
    const attempt = () => Promise.race([this.#client.connect(), failing]);
    await connect({ connect: attempt, destroy }, signal);
  }

  readonly run: Run = async (args) => {
    try {
      const reply = await this.#client.sendCommand(args);
      this.#hasAnswered = true;
      return reply;
    } catch (error) {
      if (isReply(error)) throw error;
      const reason = this.#failure ?? error; // That the client was destroyed says less than why.
      if (this.#hasAnswered) throw reason;
      throw new Error(FIRST_WORDS + messageOf(reason), { cause: error });
    }
  };

  get isReady(): boolean {
    return this.#client.isReady;
  }

  servers(): Promise<readonly Run[]> {
    return Promise.resolve([this.run]);
  }

  readonly destroy = (): void => {
    this.#client.destroy();
  };
}

/** After trouble, the cluster is looked at anew; but at most so often, in milliseconds. */
const SHORTEST_LIFE = 300;

class ClusterClient implements Client {
  readonly #cluster: NodeRedisCluster;
  readonly #since = performance.now();
  /** Ends what waits for an answer: the cluster's own `destroy()` may leave some of it waiting. */
  readonly #pending = new Set<(error: Error) => void>();
  isReady = true;

  constructor(cluster: NodeRedisCluster) {
    this.#cluster = cluster;
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
