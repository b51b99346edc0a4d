import { warn } from "../../warnings.ts";
import { type Argument, type Client, listOf, type Reply } from "../connection/client.ts";
import type { Connection } from "../connection/connection.ts";
import { failureOf, layerError, RedisFailure } from "../connection/failures.ts";

/** How long a server without replicas is trusted to be the master, in milliseconds. */
const TRUST = 1_000;

/** How long a replica usually takes at most to confirm a removal, in milliseconds. */
const REPLICATION = 300;

/** How long it may take until the promotion of a replica is known, in milliseconds. */
const PROMOTION = 3_000;

/** Returns the commands that requeue what a reply contains. */
export type Requeue = (reply: Reply) => readonly (readonly Argument[])[];

/**
 * Runs commands that remove messages from a server that another one can replace. A message is
 * delivered only after a replica has confirmed its removal: otherwise the new master could deliver
 * it again.
 */
export class FailoverGuard {
  readonly #connection: Connection;
  /** The client that the following fields belong to. */
  #client: Client | undefined;
  /** Whether it had no replica when it was last asked. */
  #isAlone = false;
  /** When it was last known to be the master, whatever its replicas reply. */
  #confirmedAt = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Runs a command that removes messages.
   *
   * @param args The command; it replies with `null` or an empty list if it has removed nothing.
   * @param requeue The commands that requeue what a reply contains.
   * @param blocksFor How long the command itself may block, in milliseconds.
   * @throws {LayerUnavailableError | LayerConfigurationError} If it fails.
   */
  async take(args: readonly Argument[], requeue: Requeue, blocksFor: number): Promise<Reply> {
    const connection = this.#connection;
    await this.#prepare(await connection.open()); // All commands use the same client.
    const { client } = connection;
    const [reply, replicas] = await Promise.all([
      connection.run(args, { blocksFor }),
      this.#countReplicas(blocksFor, client),
    ]);
    if (!Array.isArray(reply) || reply.length === 0) return reply;
    try {
      await this.#confirm(replicas, client);
    } catch (error) {
      // If it still is the master, the messages are not lost; if not, its data is discarded. They
      // are not sent to another server: there, another receiver may have them already.
      if (client && client === connection.client) {
        await requeueTaken(connection, requeue(reply));
      }
      if (failureOf(error)?.kind === "notMaster") connection.drop();
      throw error;
    }
    return reply;
  }

  /** Asks the server of a new client whether it has replicas. */
  async #prepare(client: Client): Promise<void> {
    if (client === this.#client) return;
    const { openedAt } = this.#connection;
    this.#isAlone = await this.#hasNoReplica();
    this.#confirmedAt = openedAt;
    this.#client = client;
  }

  /** Returns how many replicas confirm all removals so far, without waiting if there are none. */
  async #countReplicas(blocksFor: number, client: Client | undefined): Promise<number> {
    if (this.#isAlone && !this.#isFresh) {
      this.#isAlone = await this.#hasNoReplica();
      // Meanwhile, the connection may have moved to another server.
      if (client !== this.#connection.client) return 0;
    }
    if (this.#isAlone) return 0;
    return await this.#waitForReplica(REPLICATION, blocksFor);
  }

  /** Returns how many replicas confirm all removals of this client so far, within a timeout. */
  async #waitForReplica(timeout: number, blocksFor = 0): Promise<number> {
    const connection = this.#connection;
    const options = { blocksFor: blocksFor + timeout };
    const [, count] = await Promise.all([
      // WAIT does not count a removal by a command that has blocked, unless another command follows.
      blocksFor > 0 && connection.run(["WAIT", "0", "1"], { blocksFor }),
      connection.run(["WAIT", "1", `${timeout}`], options),
    ]);
    return Number(count);
  }

  /** Returns whether no replica is connected, even a slow one. */
  async #hasNoReplica(): Promise<boolean> {
    const [, , replicas] = listOf(await this.#connection.run(["ROLE"]));
    return !Array.isArray(replicas) || replicas.length === 0;
  }

  /**
   * Checks that the next master cannot deliver the messages again. If the replicas are silent, one of
   * them may have been promoted, which takes a moment to be known; or it is slow.
   */
  async #confirm(replicas: number, client: Client | undefined): Promise<void> {
    if (replicas > 0 || (this.#isAlone && this.#isFresh)) return;
    const connection = this.#connection;
    if (!this.#isAlone) {
      const late = await this.#waitForReplica(PROMOTION);
      // Another client, of another server, knows nothing of this removal.
      if (late > 0 && client === connection.client) return;
      this.#isAlone = await this.#hasNoReplica();
    }
    const askedAt = performance.now();
    const isCurrent = await connection.server.isCurrent?.(connection.signal);
    if (!isCurrent || client !== connection.client) throw this.#notMaster();
    this.#confirmedAt = askedAt;
  }

  #notMaster(): Error {
    const layer = this.#connection.server.name;
    return layerError(new RedisFailure("notMaster"), { layer, wasSent: false });
  }

  /** Whether it was the master a moment ago. */
  get #isFresh(): boolean {
    return performance.now() - this.#confirmedAt < TRUST;
  }
}

/** Runs the commands that requeue messages; if the server rejects them, the messages are lost. */
export async function requeueTaken(
  connection: Connection,
  commands: ReturnType<Requeue>,
): Promise<void> {
  try {
    await Promise.all(commands.map((command) => connection.run(command)));
  } catch (error) {
    const count = commands.reduce((sum, command) => sum + membersIn(command), 0);
    const reason = error instanceof Error ? error.message : String(error);
    warn(`Lost ${count} messages that could not be requeued: ${reason}`);
  }
}

/** Returns how many members a command adds. */
function membersIn([name, , ...members]: readonly Argument[]): number {
  return name === "ZADD" ? members.length / 2 : 0;
}
