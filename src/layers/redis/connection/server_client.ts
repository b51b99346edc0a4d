import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Endpoint, RedisTlsOptions } from "../address.ts";
import type { Client, OpenOptions, Run } from "./client.ts";
import { failureOf, FIRST_WORDS, isReply, messageOf } from "./failures.ts";
import {
  connect,
  CONNECT_TIMEOUT,
  importNodeRedis,
  type NodeRedisClient,
  optionsOf,
  withSocket,
} from "./node_redis.ts";
import { inTime } from "./watchdog.ts";

/** Connects to a server; tried once, since whoever waits for it decides about trying again. */
export async function openServer(
  endpoint: Endpoint,
  { access, signal, database = 0 }: OpenOptions,
): Promise<ServerClient> {
  const { RedisClient, RESP_TYPES } = await importNodeRedis();
  const explain = (error: unknown) => failureOf(error, access, [endpoint]);
  const ending = new AbortController();
  const options = optionsOf(access, RESP_TYPES, ending.signal);
  // What the client calls a timeout fires after the event loop was blocked, before anything is read.
  const socket = { ...options.socket, ...endpoint, connectTimeout: 0 };
  try {
    if (access.tls) await checkTls(endpoint, access.tls, signal);
    const parts = { client: new RedisClient({ ...options, socket, database }), ending, explain };
    const client = new ServerClient(parts);
    await client.connect(signal);
    return client;
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error);
  }
}

/** Asks a server something over a connection of its own, within some milliseconds. */
export async function askAt<T>(
  endpoint: Endpoint,
  { access, signal, patience }: OpenOptions & { readonly patience: number },
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  await importNodeRedis(); // The first import takes a while, which is not the server's fault.
  return await inTime(patience, signal, async (ending) => {
    const client = await openServer(endpoint, { access, signal: ending });
    ending.addEventListener("abort", client.destroy, { once: true });
    return await ask(client).finally(client.destroy);
  });
}

interface ServerClientParts {
  readonly client: NodeRedisClient;
  /** Ends the socket, also while the client connects. */
  readonly ending: AbortController;
  /** Creates errors that hold no secrets. */
  readonly explain: (error: unknown) => Error;
}

class ServerClient implements Client {
  readonly #client: NodeRedisClient;
  readonly #ending: AbortController;
  readonly #explain: (error: unknown) => Error;
  #socket: Socket | undefined;
  /** What is wrong with the connection: the commands under way may not be told. */
  #failure: Error | undefined;
  #fail: (error: unknown) => void = () => {};
  #hasAnswered = false;

  constructor({ client, ending, explain }: ServerClientParts) {
    this.#client = client;
    this.#ending = ending;
    this.#explain = explain;
    client.on("error", (error) => {
      this.#failure ??= explain(error);
      this.#fail(error);
      client.destroy();
    });
  }

  /** Connects, and gives up for good when that fails. */
  async connect(signal: AbortSignal): Promise<void> {
    const failing = new Promise<never>((_, reject) => this.#fail = reject);
    const { destroy } = this;
    const attempt = () => {
      const { opened, socket } = withSocket(() => this.#client.connect());
      this.#socket = socket;
      return Promise.race([opened, failing]);
    };
    await connect({ connect: attempt, destroy }, signal);
  }

  readonly run: Run = async (args) => {
    try {
      const reply = await this.#client.sendCommand(args);
      this.#hasAnswered = true;
      return reply;
    } catch (thrown) {
      const error = this.#explain(thrown);
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

  onReceived(listener: () => void): void {
    this.#socket?.on("data", listener);
  }

  readonly destroy = (): void => {
    this.#client.destroy();
    this.#ending.abort();
  };
}

/**
 * Sees whether a server takes us in with TLS. One that refuses our certificate says so only after the
 * client takes the connection for established, and the client may miss that: the error is nobody's
 * then, and ends the process.
 *
 * @throws {Error} What TLS says.
 */
export function checkTls(
  endpoint: Endpoint,
  tls: RedisTlsOptions,
  signal: AbortSignal,
): Promise<void> {
  return inTime(CONNECT_TIMEOUT, signal, (ending) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connectTls({ ...endpoint, ...tls }, () => socket.write("PING\r\n"));
    ending.addEventListener("abort", () => socket.destroy(ending.reason), { once: true });
    socket.once("data", () => resolve());
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("Socket closed unexpectedly")));
    return promise.finally(() => socket.destroy());
  });
}
