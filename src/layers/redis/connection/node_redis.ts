import { Buffer } from "node:buffer";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { abortable } from "../../../async.ts";
import type { Access, Endpoint, RedisTlsOptions } from "../address.ts";
import { classify } from "./classify.ts";
import type { Argument, Client, OpenOptions, Reply, Run } from "./client.ts";
import { RedisFailure } from "./failures.ts";
import { inTime } from "./link.ts";

/** The parts of node-redis that are used here. */
export interface NodeRedis {
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
  // `createClient()` and the like create a class for each server, which takes 40 ms.
  readonly RedisClient: new (options: object) => NodeRedisClient;
  readonly RedisCluster: new (options: object) => NodeRedisCluster;
}

/** A client of node-redis for one server. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: (error: unknown) => void): unknown;
  sendCommand(args: readonly Argument[]): Promise<Reply>;
}

/** A client of node-redis for a cluster. */
export interface NodeRedisCluster extends Omit<NodeRedisClient, "sendCommand"> {
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<NodeRedisClient>;
  sendCommand(key: Argument, readonly: boolean, args: readonly Argument[]): Promise<Reply>;
}

/** How long connecting may take, including the authentication, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;

/** Imports node-redis on the first connection: it takes 0.1 s, which other layers need not pay. */
export async function importNodeRedis(): Promise<NodeRedis> {
  try {
    return await import("redis") as unknown as NodeRedis;
  } catch (error) {
    throw classify(error, {}, []);
  }
}

/**
 * Returns the options of node-redis that are the same for every server.
 *
 * @param signal Closes its sockets.
 */
export function optionsFor(
  { username, password, tls }: Access,
  { BLOB_STRING }: NodeRedis["RESP_TYPES"],
  signal: AbortSignal,
) {
  return {
    RESP: 2,
    commandOptions: {
      timeout: 0, // One timer for all commands costs less than one for each.
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
      signal,
      ...tls && { tls: true, ...tls },
    },
  };
}

/**
 * Waits until a client is connected, and destroys it if that fails. The time limit of node-redis
 * ends with the TCP connection: a server that does not reply to `AUTH`, for example, would block
 * forever.
 */
export function connect(
  start: () => Promise<unknown>,
  destroy: () => void,
  signal: AbortSignal,
): Promise<void> {
  return inTime(CONNECT_TIMEOUT, signal, async (ending) => {
    const connecting = start();
    try {
      await abortable(connecting, ending);
    } catch (error) {
      destroy();
      // While it connects, the client does not have the socket yet that it should destroy.
      connecting.then(destroy, () => {});
      throw error;
    }
  });
}

/** Connects to a server; it tries once, since the caller decides about retries. */
export async function openServer(
  endpoint: Endpoint,
  { access, signal, database = 0 }: OpenOptions,
): Promise<Client> {
  const { RedisClient, RESP_TYPES } = await importNodeRedis();
  const fail = (error: unknown) => classify(error, access, [endpoint]);
  const ending = new AbortController();
  const options = optionsFor(access, RESP_TYPES, ending.signal);
  // The `connectTimeout` of node-redis fires after a blocked event loop, before anything is read.
  const socket = { ...options.socket, ...endpoint, connectTimeout: 0 };
  try {
    if (access.tls) await checkTls(endpoint, access.tls, signal);
    const client = new ServerClient(
      new RedisClient({ ...options, socket, database }),
      ending,
      fail,
    );
    await client.connect(signal);
    return client;
  } catch (error) {
    signal.throwIfAborted();
    throw fail(error);
  }
}

/** Options for asking a server over a connection of its own. */
export interface AskOptions extends OpenOptions {
  /** How long a server may take, in milliseconds. */
  readonly timeout: number;
}

/** What was found out by asking several servers. */
export interface Answer<T> {
  /** The first answer, if a server had one. */
  readonly value: T | undefined;
  /** What the servers before it failed with. */
  readonly failures: readonly unknown[];
}

/**
 * Asks servers one after the other until one of them knows the answer.
 *
 * @param ask Returns `undefined` if the server does not know it.
 */
export async function askInTurn<T>(
  endpoints: readonly Endpoint[],
  options: AskOptions,
  ask: (run: Run, endpoint: Endpoint) => Promise<T | undefined>,
): Promise<Answer<T>> {
  const failures: unknown[] = [];
  for (const endpoint of endpoints) {
    try {
      const value = await askServer(endpoint, options, (run) => ask(run, endpoint));
      if (value !== undefined) return { value, failures };
    } catch (error) {
      options.signal.throwIfAborted();
      failures.push(error);
    }
  }
  return { value: undefined, failures };
}

async function askServer<T>(
  endpoint: Endpoint,
  { access, signal, timeout }: AskOptions,
  ask: (run: Run) => Promise<T>,
): Promise<T> {
  await importNodeRedis(); // The first import takes a while, which must not count for the server.
  return await inTime(timeout, signal, async (ending) => {
    const client = await openServer(endpoint, { access, signal: ending });
    try {
      return await abortable(ask(client.run), ending);
    } finally {
      client.destroy();
    }
  });
}

class ServerClient implements Client {
  readonly #client: NodeRedisClient;
  /** Closes the socket, also while the client connects. */
  readonly #ending: AbortController;
  readonly #classify: (error: unknown) => RedisFailure;
  #socket: Socket | undefined;
  /** Why the connection was closed: pending commands only learn that it was. */
  #failure: RedisFailure | undefined;
  #fail: (error: unknown) => void = () => {};
  #hasReplied = false;

  constructor(
    client: NodeRedisClient,
    ending: AbortController,
    classify: (error: unknown) => RedisFailure,
  ) {
    this.#client = client;
    this.#ending = ending;
    this.#classify = classify;
    client.on("error", (error) => {
      this.#failure ??= classify(error);
      this.#fail(error);
      client.destroy();
    });
  }

  async connect(signal: AbortSignal): Promise<void> {
    const failing = new Promise<never>((_, reject) => this.#fail = reject);
    const start = () => {
      const { opened, socket } = withSocket(() => this.#client.connect());
      this.#socket = socket;
      return Promise.race([opened, failing]);
    };
    await connect(start, this.destroy, signal);
  }

  readonly run: Run = async (args) => {
    try {
      const reply = await this.#client.sendCommand(args);
      this.#hasReplied = true;
      return reply;
    } catch (error) {
      throw this.#explain(this.#classify(error));
    }
  };

  get isReady(): boolean {
    return this.#client.isReady;
  }

  servers(): Promise<readonly Run[]> {
    return Promise.resolve([this.run]);
  }

  onReceived(listener: () => void): void {
    this.#socket?.on("data", listener);
  }

  readonly destroy = (): void => {
    this.#client.destroy();
    this.#ending.abort();
  };

  /** Replaces the failure of a command by the failure of the connection, if that caused it. */
  #explain(failure: RedisFailure): RedisFailure {
    if (failure.isReply) return failure;
    const { kind, message, code } = this.#failure ?? failure;
    const isImmediate = kind === "closed" && !this.#hasReplied;
    return new RedisFailure(isImmediate ? "closedImmediately" : kind, message, { code });
  }
}

/**
 * Starts something that opens a socket, and returns the socket, which Node publishes. node-redis
 * keeps it private; without it, only complete replies count as activity.
 */
function withSocket<T>(open: () => T): { readonly opened: T; readonly socket: Socket | undefined } {
  let socket: Socket | undefined;
  const note = (message: unknown) => socket ??= (message as { readonly socket?: Socket }).socket;
  subscribe("net.client.socket", note);
  try {
    const opened = open();
    return { opened, socket };
  } finally {
    unsubscribe("net.client.socket", note);
  }
}

/**
 * Checks that a server accepts a TLS connection. A server that rejects the client certificate says
 * so only after node-redis takes the connection for established; node-redis may miss that error,
 * which then would end the process.
 */
function checkTls(endpoint: Endpoint, tls: RedisTlsOptions, signal: AbortSignal): Promise<void> {
  return inTime(CONNECT_TIMEOUT, signal, async (ending) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connectTls({ ...endpoint, ...tls }, () => socket.write("PING\r\n"));
    socket.once("data", () => resolve());
    socket.on("error", reject);
    socket.once("close", () => reject(new RedisFailure("closed")));
    try {
      await abortable(promise, ending);
    } finally {
      socket.destroy();
    }
  });
}
