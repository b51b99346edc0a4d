import { LayerClosedError } from "../../../errors.ts";
import type { Argument, Client, Reply, Run, Target } from "./client.ts";
import { Link, type RunOptions } from "./link.ts";
import { explain, isDemotion } from "./failures.ts";

/** How long one command may wait for something to come, in milliseconds. */
const LONGEST_WAIT = 5_000;

/**
 * A connection to a Redis, made when it is first needed and again when it was lost. Who runs a
 * command while the server is away is told so at once: nothing is queued meanwhile.
 */
export class Connection {
  readonly server: Target;
  #connecting: Promise<Link> | undefined;
  /** What commands run on. */
  #link: Link | undefined;
  /** Besides that one, those that wait for their last answers. */
  readonly #links = new Set<Link>();
  /** Ends what is under way outside of the links. */
  readonly #closing = new AbortController();
  /** When it was last asked whether another server has taken this one's place. */
  #checkedAt = 0;
  /** Whether the server has answered as Redis does. */
  #hasWorked = false;
  /** When it began to look for the server that it works with, by this process's clock. */
  openedAt = 0;

  constructor(server: Target) {
    this.server = server;
  }

  /** What commands run on now, if there is one. */
  get client(): Client | undefined {
    return this.#usable?.client;
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
    return this.#connecting !== undefined || this.#link !== undefined;
  }

  /**
   * Runs a command.
   *
   * @param args The command and its arguments.
   * @param options How long it may wait, and what becomes of an answer that comes too late.
   * @throws {LayerUnavailableError | LayerConfigurationError} When there is no good answer.
   */
  async run(args: readonly Argument[], options: RunOptions = {}): Promise<Reply> {
    const link = this.#usable ?? await this.#open();
    this.#check();
    return await this.#runOn(link, args, options);
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
    const link = await this.#open();
    await link.keepFor(async () => {
      const runs = await link.client.servers().catch((error) => {
        throw explain(error, this.server.name, false);
      });
      await Promise.all(runs.map((run) => work((args) => this.#runOn(link, args, {}, run))));
    });
  }

  /**
   * Sees to it that there is a client to run commands on.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} When the server can't be reached.
   */
  async open(): Promise<Client> {
    return (await this.#open()).client;
  }

  /** Ends the client; commands under way reject, and the next one makes a new client. */
  drop(): void {
    this.#link?.end();
  }

  /** Ends the connection for good; commands under way reject. */
  async close(): Promise<void> {
    this.#closing.abort(new LayerClosedError({ layer: this.server.name }));
    for (const link of this.#links) link.end();
    await this.#connecting?.catch(() => {});
  }

  async #runOn(
    link: Link,
    args: readonly Argument[],
    options: RunOptions,
    run?: Run,
  ): Promise<Reply> {
    try {
      const reply = await link.run(args, options, run);
      this.#hasWorked = true;
      return reply;
    } catch (error) {
      if (isDemotion(error)) link.retire();
      throw explain(error, this.server.name, true, this.#hasWorked);
    }
  }

  /** From now and then, sees whether the next command has to go somewhere else. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < (this.server.checkInterval ?? Infinity)) return;
    this.#checkedAt = now;
    const link = this.#link;
    this.server.isCurrent?.(this.signal).then((isCurrent) => {
      if (!isCurrent) link?.retire();
    }, () => {}); // Who knows it can't be asked: the server itself will show what is wrong.
  }

  get #usable(): Link | undefined {
    return this.#link?.isUsable ? this.#link : undefined;
  }

  async #open(): Promise<Link> {
    this.signal.throwIfAborted();
    if (this.#usable) return this.#usable;
    this.#connecting ??= this.#connect().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  async #connect(): Promise<Link> {
    this.#link?.retire();
    this.openedAt = performance.now();
    const { server, signal } = this;
    const client = await server.open(signal).catch((error) => {
      signal.throwIfAborted();
      throw explain(error, server.name, false, this.#hasWorked);
    });
    const link = this.#link = this.#linkOver(client);
    if (signal.aborted) link.end();
    signal.throwIfAborted();
    return link;
  }

  #linkOver(client: Client): Link {
    const isReplaceable = this.server.isCurrent !== undefined;
    const onEnd = (link: Link) => {
      this.#links.delete(link);
      if (this.#link === link) this.#link = undefined;
    };
    const link = new Link({ client, isReplaceable, onEnd });
    this.#links.add(link);
    return link;
  }
}
