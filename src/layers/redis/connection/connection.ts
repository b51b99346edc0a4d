import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { LayerClosedError } from "../../../errors/mod.ts";
import type { Argument, Client, Reply, Run, Target } from "./client.ts";
import { failureOf, isDemotion, layerError } from "./failures.ts";
import { Link, type RunOptions } from "./link.ts";

/** How long one command may block, in milliseconds. */
const MAX_BLOCKING = 5_000;

/**
 * A connection to Redis, opened when it is first needed and reopened after it was lost. A command
 * that is run while the server is unreachable rejects immediately: nothing is queued.
 */
export class Connection {
  readonly server: Target;
  readonly #onReconnect: () => void;
  #connecting: Promise<Link> | undefined;
  /** The link that commands use. */
  #link: Link | undefined;
  /** The same, and retired links that wait for their last replies. */
  readonly #links = new Set<Link>();
  /** Aborts everything that does not belong to a link. */
  readonly #closing = new AbortController();
  /** When the replacement of the server was last checked. */
  #checkedAt = 0;
  #hasReplied = false;
  #hasConnected = false;
  /** When it began to look for its current server, by the monotonic clock. */
  openedAt = 0;

  /** @param onReconnect Called when it has been reopened. */
  constructor(server: Target, onReconnect: () => void = () => {}) {
    this.server = server;
    this.#onReconnect = onReconnect;
  }

  /** The client that commands use now, if there is one. */
  get client(): Client | undefined {
    return this.#usable?.client;
  }

  /** Aborted by `close()`. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** How long a command should block at most, in milliseconds. */
  get maxBlocking(): number {
    return this.server.checkInterval ?? MAX_BLOCKING;
  }

  /** Whether it connects or is connected. */
  get isOpen(): boolean {
    return this.#connecting !== undefined || this.#link !== undefined;
  }

  /**
   * Runs a command.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} If it fails.
   */
  readonly run = async (args: readonly Argument[], options: RunOptions = {}): Promise<Reply> => {
    const link = this.#usable ?? await this.#open();
    this.#check();
    return await this.#runOn(link, args, options);
  };

  /**
   * Reads a reply; an invalid one closes the connection.
   *
   * @throws {LayerUnavailableError} If the reply is invalid.
   */
  read<T>(reply: Reply | undefined, parse: (reply: Reply | undefined) => T): T {
    try {
      return parse(reply);
    } catch (error) {
      this.drop();
      throw layerError(error, { layer: this.server.name, wasSent: true });
    }
  }

  /** Runs commands on each server that holds a part of the keys. */
  async onEach(work: (run: Run) => Promise<void>): Promise<void> {
    const link = await this.#open();
    await link.hold(async () => {
      const runs = await link.client.servers().catch((error) => {
        throw layerError(error, { layer: this.server.name, wasSent: false });
      });
      await Promise.all(runs.map((run) => work((args) => this.#runOn(link, args, {}, run))));
    });
  }

  /**
   * Connects unless it is connected.
   *
   * @throws {LayerUnavailableError | LayerConfigurationError} If that fails.
   */
  async open(): Promise<Client> {
    return (await this.#open()).client;
  }

  /** Closes the client; pending commands reject, and the next command opens a new client. */
  drop(): void {
    this.#link?.end();
  }

  /** Closes the connection; pending commands reject. */
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
      this.#hasReplied = true;
      return reply;
    } catch (error) {
      if (isDemotion(error)) link.retire();
      const options = { layer: this.server.name, wasSent: true, hasReplied: this.#hasReplied };
      throw layerError(error, options);
    }
  }

  /** Checks at intervals whether another server has replaced this one. */
  #check(): void {
    const now = performance.now();
    if (now - this.#checkedAt < (this.server.checkInterval ?? Infinity)) return;
    this.#checkedAt = now;
    const link = this.#link;
    this.server.isCurrent?.(this.signal).then((isCurrent) => {
      if (!isCurrent) link?.retire();
    }, () => {}); // If that cannot be found out, commands show what is wrong.
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
      const options = { layer: server.name, wasSent: false, hasReplied: this.#hasReplied };
      throw layerError(error, options);
    });
    const link = this.#link = this.#linkOver(client);
    if (signal.aborted) link.end();
    signal.throwIfAborted();
    if (this.#hasConnected) this.#onReconnect();
    this.#hasConnected = true;
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

/** A Lua script, and the hash by which a server knows it. */
export interface Script {
  readonly source: string;
  readonly sha1: string;
}

/** Returns a script with its hash. */
export function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(Buffer.from(source)).digest("hex") };
}

/** Runs a script; its source is only sent to a server that does not know it yet. */
export async function runScript<T>(
  run: (args: readonly Argument[]) => Promise<T>,
  { sha1, source }: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<T> {
  try {
    return await run(["EVALSHA", sha1, `${keys.length}`, ...keys, ...args]);
  } catch (error) {
    if (failureOf(error)?.kind !== "noScript") throw error;
    return await run(["EVAL", source, `${keys.length}`, ...keys, ...args]);
  }
}
