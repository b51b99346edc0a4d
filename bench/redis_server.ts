import { createClient } from "redis";

/** How long the server may take to answer, in milliseconds. */
const PATIENCE = 20_000;

/** A Redis of the bench's own: on a UNIX socket, and keeping nothing on disk. */
export class RedisServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #client: ReturnType<typeof makeClient>;
  /** Where it is: `unix://PATH`. */
  readonly url: string;

  private constructor(process: Deno.ChildProcess, path: string) {
    this.#process = process;
    this.#client = makeClient(path);
    this.url = `unix://${path}`;
  }

  /** Starts one with its socket in a folder, and waits until it answers. */
  static async start(folder: string): Promise<RedisServer> {
    const path = `${folder}/redis.sock`;
    const address = ["--port", "0", "--unixsocket", path, "--dir", folder];
    const process = new Deno.Command("redis-server", {
      args: [...address, "--save", "", "--appendonly", "no", "--loglevel", "warning"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await appearance(path);
    const server = new RedisServer(process, path);
    await server.#client.connect();
    return server;
  }

  /** Its process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Runs a command. */
  async run(...args: readonly string[]): Promise<string> {
    return String(await this.#client.sendCommand([...args]));
  }

  /** How many connections it has, without the bench's own. */
  async connections(): Promise<number> {
    const list = await this.run("CLIENT", "LIST", "TYPE", "normal");
    return list.trim().split("\n").length - 1;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
    this.#process.kill("SIGKILL");
    await this.#process.status;
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

async function appearance(path: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!await exists(path)) {
    if (performance.now() > deadline) throw new Error("redis-server did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
