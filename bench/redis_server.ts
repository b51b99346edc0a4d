import { createClient } from "redis";
import { type RedisServer as Server, startRedis } from "../tests/helpers/redis.ts";

/** A Redis of the benchmark's own, on a UNIX socket and without persistence. */
export class RedisServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #client: ReturnType<typeof makeClient>;

  private constructor(server: Server) {
    this.#server = server;
    this.#client = makeClient(server.url.slice("unix://".length));
  }

  /** Starts one, and waits until it answers. */
  static async start(): Promise<RedisServer> {
    const server = new RedisServer(await startRedis());
    await server.#client.connect();
    return server;
  }

  /** Its URL: `unix://PATH`. */
  get url(): string {
    return this.#server.url;
  }

  /** Its process. */
  get pid(): number {
    return this.#server.pid;
  }

  /** Runs a command. */
  async run(...args: readonly string[]): Promise<string> {
    return String(await this.#client.sendCommand([...args]));
  }

  /** How many connections it has, without the benchmark's own. */
  async connections(): Promise<number> {
    const list = await this.run("CLIENT", "LIST", "TYPE", "normal");
    return list.trim().split("\n").length - 1;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Makes a client with nothing on that costs time: no timer for each command, no push messages. */
export function makeClient(path: string) {
  const client = createClient({
    socket: { path, tls: false },
    RESP: 2,
    commandOptions: { timeout: 0 },
    maintNotifications: "disabled",
    disableClientInfo: true,
  });
  client.on("error", () => {}); // Commands under way reject with it.
  return client;
}
