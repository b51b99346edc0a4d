import { LayerClosedError } from "../../errors.ts";
import type { Argument, Client, Reply, Run } from "./client/client.ts";
import type { Server } from "./servers/server.ts";
import { explain, isDemotion } from "./trouble.ts";
import { Watchdog } from "./watchdog.ts";

/** How long one command may wait for something to come, in milliseconds. */
const LONGEST_WAIT = 5_000;

/**
 * A connection to a Redis, made when it is first needed and again when it was lost. Who runs a
 * command while the server is away is told so at once: nothing is queued meanwhile.
 */
export class Connection {
  readonly server: Server;
  #connecting: Promise<Client> | undefined;
  #client: Client | undefined;
  /** The client before, where commands may still be under way. */
  #former: Client | undefined;
  /** Ends what is under way outside of the clients. */
  readonly #closing = new AbortController();
  readonly #watchdog = new Watchdog(() => this.drop());
  /** When it was last asked whether another server has taken this one's place. */
  #checkedAt = 0;
  #isReplaced = false;
  /** Whether the server has answered as Redis does. */
  #hasWorked = false;
  /** When it began to look for the server that it works with, by this process's clock. */
  openedAt = 0;

  constructor(server: Server) {
    this.server = server;
  }

  /** What commands run on now, if there is one. */
  get client(): Client | undefined {
    return this.#client?.isReady && !this.#isReplaced ? this.#client : undefined;
  }

  /** Aborted when it is closed. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** How long a command should wait at most for something to come, in milliseconds. */
  get longestWait(): number {
    return this.server.checkInterval ?? LONGEST_WAIT;
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
    const client = this.client ?? await this.open();
    this.#check();
    return await this.#runWith(client.run, args, blocksFor);
  }

  /**
   * Reads an answer; the connection to a server that gives strange ones is ended.
   *
   * @throws {LayerUnavailableError} When it is none to what was asked.
   */
  read<T>(reply: Reply | undefined, parse: (reply: Reply | undefined) => T): T {
    try {
      return parse(reply);
    } catch (error) {
      this.drop();
      throw explain(error, this.server.name, true);
    }
  }

  /** Runs commands on each of the servers that share the keys. */
  async onEach(work: (run: Run) => Promise<void>): Promise<void> {
    const client = await this.open();
    const runs = await client.servers().catch((error) => {
      throw explain(error, this.server.name, false);
    });
    await Promise.all(runs.map((run) => work((args) => this.#runWith(run, args, 0))));
  }

  /**
   * Sees to it that there is a client to run commands on.
   *
   * @throws {LayerUnavailableError | LayerUnusableError} When the server can't be reached.
   */
  async open(): Promise<Client> {
    this.signal.throwIfAborted();
    if (this.client) return this.client;
    this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  /** Ends the client; commands under way reject, and the next one makes a new client. */
  drop(): void {
    this.#watchdog.rest();
    this.#former?.destroy();
    this.#client?.destroy();
    this.#former = this.#client = undefined;
  }

  /** Ends the connection for good; commands under way reject. */
  close(): void {
    this.#closing.abort(new LayerClosedError(this.server.name));
    this.drop();
  }

  async #runWith(run: Run, args: readonly Argument[], blocksFor: number): Promise<Reply> {
    this.#watchdog.expectSign(blocksFor);
    try {
      const reply = await run(args);
      this.#hasWorked = true;
      return reply;
    } catch (error) {
      if (isDemotion(error)) this.drop();
      throw explain(error, this.server.name, true, this.#hasWorked);
    } finally {
      this.#watchdog.noteSign();
    }
  }

  /** From now and then, sees whether the next command has to go somewhere else. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < (this.server.checkInterval ?? Infinity)) return;
    this.#checkedAt = now;
    const client = this.#client;
    this.server.isCurrent?.(this.signal).then((isCurrent) => {
      if (client === this.#client) this.#isReplaced = !isCurrent;
    }, () => {}); // Who knows it can't be asked: the server itself will show what is wrong.
  }

  async #connect(): Promise<Client> {
    this.#former?.destroy();
    this.#former = this.#client;
    this.#client = undefined;
    this.#isReplaced = false;
    this.openedAt = performance.now();
    const { signal } = this;
    try {
      this.#client = await this.server.open(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, this.server.name, false, this.#hasWorked);
    }
    if (signal.aborted) this.drop();
    signal.throwIfAborted();
    return this.#client;
  }
}
