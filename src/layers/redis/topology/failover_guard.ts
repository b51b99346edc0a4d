import { setTimeout as pause } from "node:timers/promises";
import { warn } from "../../warnings.ts";
import type { Argument, Client, Reply } from "../connection/client.ts";
import type { Connection } from "../connection/connection.ts";
import { failureOf, layerError, RedisFailure } from "../connection/failures.ts";

/** How long a server without replicas is trusted to be the master, in milliseconds. */
const TRUST = 1_000;

/** How long a replica may take to confirm a removal, in milliseconds. */
const REPLICATION = 300;

/** The same if no replica confirmed the last one. */
const REPLICATION_ALONE = 50;

/** How long it may take until the promotion of a replica is known, in milliseconds. */
const PROMOTION = 3_000;

/** Returns the commands that requeue what a reply contains. */
export type Requeue = (reply: Reply) => readonly (readonly Argument[])[];

/**
 * Runs commands that remove messages. If another server can replace this one, a message is
 * delivered only after a replica has confirmed its removal: otherwise the new master could deliver
 * it again.
 */
export class FailoverGuard {
  readonly #connection: Connection;
  /** The client that the following fields belong to. */
  #client: Client | undefined;
  /** Whether no replica confirmed the last removal. */
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
  async take(args: readonly Argument[], requeue: Requeue, blocksFor = 0): Promise<Reply> {
    const connection = this.#connection;
    if (!connection.server.isCurrent) {
      const onLateReply = (reply: Reply) => void this.#requeue(requeue, reply);
      return await connection.run(args, { blocksFor, onLateReply });
    }
    await this.#prepare(await connection.open()); // All commands use the same client.
    const { client } = connection;
    const [reply, replicas] = await Promise.all([
      connection.run(args, { blocksFor }),
      this.#countReplicas(blocksFor),
    ]);
    if (!Array.isArray(reply) || reply.length === 0) return reply;
    try {
      await this.#confirm(replicas);
    } catch (error) {
      // If it still is the master, the messages are not lost; if not, its data is discarded. They
      // are not sent to another server: there, another receiver may have them already.
      if (client && client === connection.client) await this.#requeue(requeue, reply);
      if (failureOf(error)?.kind === "notMaster") connection.drop();
      throw error;
    }
    return reply;
  }

  /** Asks the server of a new client whether it has replicas. */
  async #prepare(client: Client): Promise<void> {
    if (client === this.#client) return;
    const { openedAt } = this.#connection;
    this.#isAlone = Number(await this.#connection.run(["WAIT", "0", "1"])) === 0;
    this.#confirmedAt = openedAt;
    this.#client = client;
  }

  /** Returns how many replicas confirm all removals so far, without waiting if there are none. */
  async #countReplicas(blocksFor: number): Promise<number> {
    if (this.#isAlone && this.#isFresh) return 0;
    const timeout = this.#isAlone ? REPLICATION_ALONE : REPLICATION;
    const options = { blocksFor: blocksFor + timeout };
    return Number(await this.#connection.run(["WAIT", "1", `${timeout}`], options));
  }

  /**
   * Checks that the next master cannot deliver the messages again. If the replicas have just become
   * silent, one of them may have been promoted, which takes a moment to be known.
   */
  async #confirm(replicas: number): Promise<void> {
    const wasAlone = this.#isAlone;
    this.#isAlone = replicas === 0;
    if (!this.#isAlone || (wasAlone && this.#isFresh)) return;
    const { server, signal } = this.#connection;
    if (!wasAlone) await pause(PROMOTION, undefined, { signal });
    const askedAt = performance.now();
    if (!await server.isCurrent?.(signal)) {
      throw layerError(new RedisFailure("notMaster"), { layer: server.name, wasSent: false });
    }
    this.#confirmedAt = askedAt;
  }

  /** Whether it was the master a moment ago. */
  get #isFresh(): boolean {
    return performance.now() - this.#confirmedAt < TRUST;
  }

  /** Requeues what a reply contains; if the server rejects that, the messages are lost. */
  async #requeue(requeue: Requeue, reply: Reply): Promise<void> {
    const commands = requeue(reply);
    try {
      await Promise.all(commands.map((command) => this.#connection.run(command)));
    } catch (error) {
      const count = commands.reduce((sum, command) => sum + membersIn(command), 0);
      const reason = error instanceof Error ? error.message : String(error);
      warn(`Lost ${count} messages that could not be requeued: ${reason}`);
    }
  }
}

/** Returns how many members a command adds. */
function membersIn([name, , ...members]: readonly Argument[]): number {
  return name === "ZADD" ? members.length / 2 : 0;
}
