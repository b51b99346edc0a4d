import type { Socket } from "node:net";
import type { Endpoint } from "../address.ts";
import { inTime } from "../watchdog.ts";
import { FIRST_WORDS, isReply, messageOf } from "../trouble.ts";
import type { Client, OpenOptions, Run } from "./client.ts";
import {
  connect,
  importNodeRedis,
  type NodeRedisClient,
  optionsOf,
  withSocket,
} from "./node_redis.ts";
import { checkTls } from "./tls_check.ts";

/** Connects to a server; tried once, since whoever waits for it decides about trying again. */
export async function openServer(
  endpoint: Endpoint,
  { access, signal, database = 0 }: OpenOptions,
): Promise<ServerClient> {
  const { RedisClient, RESP_TYPES } = await importNodeRedis();
  if (access.tls) await checkTls(endpoint, access.tls, signal);
  const ending = new AbortController();
  const options = optionsOf(access, RESP_TYPES, ending.signal);
  // What the client calls a timeout fires after the event loop was blocked, before anything is read.
  const socket = { ...options.socket, ...endpoint, connectTimeout: 0 };
  const client = new ServerClient(new RedisClient({ ...options, socket, database }), ending);
  await client.connect(signal);
  return client;
}

/** Asks a server something over a connection of its own, within some milliseconds. */
export function askAt<T>(
  endpoint: Endpoint,
  { access, signal, patience }: OpenOptions & { readonly patience: number },
  ask: (client: Client) => Promise<T>,
): Promise<T> {
  return inTime(patience, signal, async (ending) => {
    const client = await openServer(endpoint, { access, signal: ending });
    ending.addEventListener("abort", client.destroy, { once: true });
    return await ask(client).finally(client.destroy);
  });
}

class ServerClient implements Client {
  readonly #client: NodeRedisClient;
  /** Ends the socket, also while the client connects. */
  readonly #ending: AbortController;
  #socket: Socket | undefined;
  /** What is wrong with the connection: the commands under way may not be told. */
  #failure: unknown;
  #fail: (error: unknown) => void = () => {};
  #hasAnswered = false;

  constructor(client: NodeRedisClient, ending: AbortController) {
    this.#client = client;
    this.#ending = ending;
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

  onReceived(listener: () => void): void {
    this.#socket?.on("data", listener);
  }

  readonly destroy = (): void => {
    this.#client.destroy();
    this.#ending.abort();
  };
}
