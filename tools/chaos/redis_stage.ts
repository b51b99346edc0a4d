import { type RedisServer, startRedis } from "../../tests/helpers/redis.ts";
import { GARBAGE, type Proxy, startProxy } from "../../tests/helpers/proxy.ts";
import { pass } from "./fault.ts";

/** It answers `BUSY` when a script has run for so many milliseconds. */
const QUICKLY_BUSY = ["--lua-time-limit", "50"];

/** A Redis that can be ended and started again, on the same socket, and a proxy before it. */
export class RedisPlace implements AsyncDisposable {
  readonly #folder: string;
  readonly #socket: string;
  readonly proxy: Proxy;
  #server: RedisServer | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.#socket = `${folder}/redis.sock`;
    this.proxy = startProxy(`${folder}/proxy.sock`, this.#socket);
  }

  /** Where it is: `unix://PATH`. */
  get url(): string {
    return `unix://${this.#socket}`;
  }

  /** The server that runs now. */
  get server(): RedisServer {
    if (!this.#server) throw new Error("Redis was not started");
    return this.#server;
  }

  /** Starts it with the data that it had; each write is on disk before it is answered. */
  async start(): Promise<void> {
    const data = `${this.#folder}/data`;
    await Deno.mkdir(data, { recursive: true });
    const args = ["--dir", data, "--appendonly", "yes", "--appendfsync", "always", ...QUICKLY_BUSY];
    this.#server = await startRedis(args, this.#socket);
  }

  /** Has it run a script that takes so many milliseconds: it answers `BUSY` meanwhile. */
  async busy(milliseconds: number): Promise<void> {
    const { server } = this;
    const running = server.cli("EVAL", "while true do end", "0").catch(() => {});
    await pass(milliseconds);
    while (await server.cli("SCRIPT", "KILL") !== "OK") await pass(10);
    await running;
  }

  /** Ends it as a crash does. */
  async crash(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  /** Ends it in good order. */
  async shutDown(): Promise<void> {
    await this.server.shutDown();
    await this.crash();
  }

  /** Forgets its data; to be called while it doesn't run. */
  async forget(): Promise<void> {
    await Deno.remove(`${this.#folder}/data`, { recursive: true });
  }

  /** Has the proxy's clients read something that is no answer. */
  garble(number: number): void {
    this.proxy.garble(GARBAGE[number % GARBAGE.length]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.crash();
  }
}
