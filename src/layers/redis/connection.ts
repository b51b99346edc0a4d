import { setTimeout as pause } from "node:timers/promises";
import { LayerClosedError, LayerUnavailableError } from "../../errors.ts";
import type { Argument, Client, Reply, Run } from "./client.ts";
import type { Server } from "./server.ts";
import { explain, isDemotion } from "./trouble.ts";
import { Watchdog } from "./watchdog.ts";

/** How long one command may wait for something to come, in milliseconds. */
const LONGEST_WAIT = 5_000;

/** For so long a server without replicas is trusted to be the master still, in milliseconds. */
const TRUST = 1_000;

/** How long a replica may take to say that it knows what was taken, in milliseconds. */
const REPLICATION = 300;

/** The same, where no replica has answered the last time: it is waited for once in a while. */
const REPLICATION_ALONE = 50;

/** How long it may take until it is known that a replica was made the master, in milliseconds. */
const PROMOTION = 3_000;

/** Makes the commands that put back what an answer brought. */
export type Undo = (reply: Reply) => readonly (readonly Argument[])[];

/**
 * A connection to a Redis, made when it is first needed and again when it was lost. Who runs a
 * command while the server is away is told so at once: nothing is queued meanwhile.
 */
export class Connection {
  readonly #server: Server;
  #connecting: Promise<Client> | undefined;
  #client: Client | undefined;
  /** The client before, where commands may still be under way. */
  #former: Client | undefined;
  /** Ends what is under way outside of the clients. */
  readonly #closing = new AbortController();
  readonly #watchdog = new Watchdog(() => this.#drop());
  /** When it was last asked whether another server has taken this one's place. */
  #checkedAt = 0;
  #isReplaced = false;
  /** Whether the server has answered as Redis does. */
  #hasWorked = false;
  /** Whether no replica said that it knew what was taken last; not known before the first time. */
  #isAlone: boolean | undefined;
  /** When it was last known to be the master, whatever its replicas say. */
  #confirmedAt = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** How long a command should wait at most for something to come, in milliseconds. */
  get longestWait(): number {
    return this.#server.checkInterval ?? LONGEST_WAIT;
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
    const client = this.#usable ?? await this.#connected();
    this.#check();
    return await this.#runWith(client.run, args, blocksFor);
  }

  /**
   * Runs a command that takes something. Where another server may take this one's place, what its
   * replicas don't know to be taken could be taken again from it: then it isn't given out.
   *
   * @param args The command and its arguments; it answers `null` or an empty list when it took nothing.
   * @param undo The commands that put back what an answer brought.
   * @param blocksFor How long the command itself may wait, in milliseconds.
   * @throws {LayerUnavailableError | LayerUnusableError} When there is no good answer.
   */
  async take(args: readonly Argument[], undo: Undo, blocksFor = 0): Promise<Reply> {
    if (!this.#server.isCurrent) return await this.run(args, blocksFor);
    await this.#connected(); // All goes through the same client.
    this.#isAlone ??= Number(await this.run(["WAIT", "0", "1"])) === 0;
    const isAlone = this.#isAlone && this.#isFresh;
    const patience = this.#isAlone ? REPLICATION_ALONE : REPLICATION;
    const client = this.#usable;
    const [reply, replicas] = await Promise.all([
      this.run(args, blocksFor),
      isAlone ? 0 : this.run(["WAIT", "1", `${patience}`], blocksFor + patience),
    ]);
    if (!Array.isArray(reply) || reply.length === 0) return reply;
    try {
      await this.#confirm(Number(replicas));
    } catch (error) {
      // If it is the master after all, nothing is lost; if not, nobody will ever see this. Another
      // one isn't told: there, it may have been taken by somebody else.
      if (client && client === this.#usable) await this.#runAll(() => undo(reply)).catch(() => {});
      if (isUnmastered(error)) this.#drop();
      throw error;
    }
    return reply;
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
      this.#drop();
      throw explain(error, this.#server.name, true);
    }
  }

  /** Runs commands on each of the servers that share the keys. */
  async onEach(work: (run: Run) => Promise<void>): Promise<void> {
    const client = await this.#connected();
    const runs = await client.servers().catch((error) => {
      throw explain(error, this.#server.name, false);
    });
    await Promise.all(runs.map((run) => work((args) => this.#runWith(run, args, 0))));
  }

  /** Ends the connection for good; commands under way reject. */
  close(): void {
    this.#closing.abort(new LayerClosedError(this.#server.name));
    this.#drop();
  }

  async #runWith(run: Run, args: readonly Argument[], blocksFor: number): Promise<Reply> {
    this.#watchdog.expectSign(blocksFor);
    try {
      const reply = await run(args);
      this.#hasWorked = true;
      return reply;
    } catch (error) {
      if (isDemotion(error)) this.#drop();
      throw explain(error, this.#server.name, true, this.#hasWorked);
    } finally {
      this.#watchdog.noteSign();
    }
  }

  /**
   * Sees to it that what was taken can't be taken again from the next master. Where the replicas have
   * just fallen silent one of them may have been promoted, which takes a moment to be known.
   */
  async #confirm(replicas: number): Promise<void> {
    const wasAlone = this.#isAlone;
    this.#isAlone = replicas === 0;
    if (!this.#isAlone || (wasAlone && this.#isFresh)) return;
    const { signal } = this.#closing;
    if (!wasAlone) await pause(PROMOTION, undefined, { signal });
    const askedAt = performance.now();
    if (!await this.#server.isCurrent?.(signal)) throw unmastered(this.#server.name);
    this.#confirmedAt = askedAt;
  }

  /** Whether it was the master a moment ago. */
  get #isFresh(): boolean {
    return performance.now() - this.#confirmedAt < TRUST;
  }

  async #runAll(commands: () => ReturnType<Undo>): Promise<void> {
    await Promise.all(commands().map((command) => this.run(command)));
  }

  /** From now and then, sees whether the next command has to go somewhere else. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < (this.#server.checkInterval ?? Infinity)) return;
    this.#checkedAt = now;
    const client = this.#client;
    this.#server.isCurrent?.(this.#closing.signal).then((isCurrent) => {
      if (client === this.#client) this.#isReplaced = !isCurrent;
    }, () => {}); // Who knows it can't be asked: the server itself will show what is wrong.
  }

  get #usable(): Client | undefined {
    return this.#client?.isReady && !this.#isReplaced ? this.#client : undefined;
  }

  /** Ends the connection; commands under way reject, and the next one makes a new connection. */
  #drop(): void {
    this.#watchdog.rest();
    this.#former?.destroy();
    this.#client?.destroy();
    this.#former = this.#client = undefined;
  }

  async #connected(): Promise<Client> {
    this.#closing.signal.throwIfAborted();
    if (this.#usable) return this.#usable;
    this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  async #connect(): Promise<Client> {
    this.#former?.destroy();
    this.#former = this.#client;
    this.#client = undefined;
    this.#isReplaced = false;
    this.#isAlone = undefined;
    this.#confirmedAt = performance.now();
    const { signal } = this.#closing;
    try {
      this.#client = await this.#server.open(signal);
    } catch (error) {
      signal.throwIfAborted();
      throw explain(error, this.#server.name, false, this.#hasWorked);
    }
    if (signal.aborted) this.#drop();
    signal.throwIfAborted();
    return this.#client;
  }
}

const NO_MASTER =
  "it isn't the master any more: what it gave last isn't used, since the new master " +
  "may give it too";

function unmastered(layer: string): LayerUnavailableError {
  return new LayerUnavailableError(layer, NO_MASTER);
}

function isUnmastered(error: unknown): boolean {
  return error instanceof LayerUnavailableError && error.reason === NO_MASTER;
}
