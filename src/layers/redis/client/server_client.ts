import type { Endpoint } from "../address.ts";
import { FIRST_WORDS, isReply, messageOf } from "../trouble.ts";
import type { Client, OpenOptions, Run } from "./client.ts";
import {
  connect,
  CONNECT_TIMEOUT,
  importNodeRedis,
  type NodeRedisClient,
  optionsOf,
} from "./node_redis.ts";
import { failureOf } from "./failure.ts";
import { checkTls } from "./tls_check.ts";

/** Connects to a server; tried once, since whoever waits for it decides about trying again. */
export async function openServer(
  endpoint: Endpoint,
  { access, signal, database = 0 }: OpenOptions,
): Promise<Client> {
  const { RedisClient, RESP_TYPES } = await importNodeRedis();
  const ending = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT)]);
  const options = optionsOf(access, RESP_TYPES);
  const socket = { ...options.socket, ...endpoint };
  const explain = (error: unknown) => failureOf(error, access, [endpoint]);
  try {
    if (access.tls) await checkTls(endpoint, access.tls, ending);
    const client = new ServerClient(new RedisClient({ ...options, socket, database }), explain);
    await client.connect(ending);
    return client;
  } catch (error) {
    throw explain(error);
  }
}

class ServerClient implements Client {
  readonly #client: NodeRedisClient;
  /** Makes errors that hold no secrets. */
  readonly #explain: (error: unknown) => Error;
  /** What is wrong with the connection: the commands under way may not be told. */
  #failure: Error | undefined;
  #fail: (error: unknown) => void = () => {};
  #hasAnswered = false;

  constructor(client: NodeRedisClient, explain: (error: unknown) => Error) {
    this.#client = client;
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
    const attempt = () => Promise.race([this.#client.connect(), failing]);
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

  readonly destroy = (): void => {
    this.#client.destroy();
  };
}
