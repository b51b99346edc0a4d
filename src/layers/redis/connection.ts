import { Buffer } from "node:buffer";
import { LayerClosedError } from "../../errors.ts";
import { explain } from "./trouble.ts";

/** What a command is made of. */
export type Argument = string | Buffer;

/** What Redis answers: texts come as bytes. */
export type Reply = Buffer | number | null | readonly Reply[];

/** How long a server may take to let us in, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;

/** How long to wait for an answer, in milliseconds, beyond what the command itself waits. */
const PATIENCE = 5_000;

/** The part of the client that is used here. */
interface Client {
  readonly isReady: boolean;
  destroy(): void;
  sendCommand(args: readonly Argument[]): Promise<unknown>;
}

/**
 * One connection to a Redis server, made when it is first needed and again when it was lost. Who
 * runs a command while the server is away is told so at once: nothing is queued meanwhile.
 */
export class Connection {
  readonly #url: string;
  readonly #name: string;
  #connecting: Promise<Client> | undefined;
  #client: Client | undefined;
  #closed = false;
  #pending = 0;
  #lastSign = 0;
  #allowance = 0;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  /** Whether it connects, or has connected, and wasn't closed since. */
  get isOpen(): boolean {
    return (this.#client ?? this.#connecting) !== undefined;
  }

  /**
   * Runs a command.
   *
   * @param args The command and its arguments.
   * @param blocksFor How long the command itself may wait, in milliseconds.
   * @throws {LayerUnavailableError | LayerUnusableError} When there is no good answer.
   */
  async run(args: readonly Argument[], blocksFor = 0): Promise<Reply> {
    if (this.#closed) throw new LayerClosedError(this.#name);
    const client = this.#client?.isReady ? this.#client : await this.#connected();
    this.#expectSign(PATIENCE + blocksFor);
    try {
      return await client.sendCommand(args) as Reply;
    } catch (error) {
      throw explain(error, this.#name);
    } finally {
      this.#noteSign();
    }
  }

  /** Ends the connection for good; commands under way reject. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** Ends the connection; commands under way reject, and the next one makes a new connection. */
  #drop(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = undefined;
    this.#client?.destroy();
    this.#client = undefined;
  }

  async #connected(): Promise<Client> {
    this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  async #connect(): Promise<Client> {
    this.#drop();
    try {
      this.#client = await openClient(this.#url);
    } catch (error) {
      throw explain(error, this.#name);
    }
    if (!this.#closed) return this.#client;
    this.#drop();
    throw new LayerClosedError(this.#name);
  }

  /** Sees to it that a server that has gone silent is given up; one timer serves all commands. */
  #expectSign(allowance: number): void {
    if (this.#pending++ === 0) {
      this.#lastSign = performance.now();
      this.#allowance = allowance;
    }
    this.#watchdog ??= setTimeout(() => this.#lookAfter(), allowance);
  }

  #noteSign(): void {
    this.#pending--;
    this.#lastSign = performance.now();
  }

  #lookAfter(): void {
    this.#watchdog = undefined;
    if (this.#pending === 0) return;
    const left = this.#lastSign + this.#allowance - performance.now();
    if (left > 0) this.#watchdog = setTimeout(() => this.#lookAfter(), left);
    else this.#drop();
  }
}

/** Connects; tried once, since whoever waits for it decides about trying again. */
async function openClient(url: string): Promise<Client> {
  // Imported here: it costs a tenth of a second that users of other layers needn't pay.
  const { createClient, RESP_TYPES } = await import("redis");
  const client = createClient({
    url,
    RESP: 2,
    commandOptions: {
      timeout: 0, // One timer of ours for all commands costs less than one for each.
      typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
    },
    disableClientInfo: true,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    socket: { connectTimeout: CONNECT_TIMEOUT, reconnectStrategy: false },
  });
  client.on("error", () => {}); // The commands under way reject with it.
  await client.connect();
  return client;
}
