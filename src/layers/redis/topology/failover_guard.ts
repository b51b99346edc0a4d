import { setTimeout as pause } from "node:timers/promises";
import { LayerUnavailableError } from "../../../errors.ts";
import type { Argument, Client, Reply } from "../connection/client.ts";
import type { Connection } from "../connection/connection.ts";
import { warn } from "../../warnings.ts";

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
 * Takes over a connection. Where another server may take this one's place, what its replicas don't
 * know to be taken could be taken again from it: then it isn't given out.
 */
export class FailoverGuard {
  readonly #connection: Connection;
  /** Whom the following is about. */
  #client: Client | undefined;
  /** Whether no replica said that it knew what was taken last. */
  #isAlone = false;
  /** When it was last known to be the master, whatever its replicas say. */
  #confirmedAt = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Runs a command that takes something.
   *
   * @param args The command and its arguments; it answers `null` or an empty list when it took nothing.
   * @param undo The commands that put back what an answer brought.
   * @param blocksFor How long the command itself may wait, in milliseconds.
   * @throws {LayerUnavailableError | LayerConfigurationError} When there is no good answer.
   */
  async take(args: readonly Argument[], undo: Undo, blocksFor = 0): Promise<Reply> {
    const connection = this.#connection;
    if (!connection.server.isCurrent) {
      const onLateReply = (reply: Reply) => void this.#requeue(undo, reply);
      return await connection.run(args, { blocksFor, onLateReply });
    }
    await this.#meet(await connection.open()); // All goes through the same client.
    const { client } = connection;
    const [reply, replicas] = await Promise.all([
      connection.run(args, { blocksFor }),
      this.#countReplicas(blocksFor),
    ]);
    if (!Array.isArray(reply) || reply.length === 0) return reply;
    try {
      await this.#confirm(replicas);
    } catch (error) {
      // If it is the master after all, nothing is lost; if not, nobody will ever see this. Another
      // one isn't told: there, it may have been taken by somebody else.
      if (client && client === connection.client) await this.#requeue(undo, reply);
      if (isUnmastered(error)) connection.drop();
      throw error;
    }
    return reply;
  }

  /** Asks a new client's server whether it has replicas at all. */
  async #meet(client: Client): Promise<void> {
    if (client === this.#client) return;
    const { openedAt } = this.#connection;
    this.#isAlone = Number(await this.#connection.run(["WAIT", "0", "1"])) === 0;
    this.#confirmedAt = openedAt;
    this.#client = client;
  }

  /** How many replicas know of all that was taken so far; where there are none, none is waited for. */
  async #countReplicas(blocksFor: number): Promise<number> {
    if (this.#isAlone && this.#isFresh) return 0;
    const patience = this.#isAlone ? REPLICATION_ALONE : REPLICATION;
    const options = { blocksFor: blocksFor + patience };
    return Number(await this.#connection.run(["WAIT", "1", `${patience}`], options));
  }

  /**
   * Sees to it that what was taken can't be taken again from the next master. Where the replicas have
   * just fallen silent one of them may have been promoted, which takes a moment to be known.
   */
  async #confirm(replicas: number): Promise<void> {
    const wasAlone = this.#isAlone;
    this.#isAlone = replicas === 0;
    if (!this.#isAlone || (wasAlone && this.#isFresh)) return;
    const { server, signal } = this.#connection;
    if (!wasAlone) await pause(PROMOTION, undefined, { signal });
    const askedAt = performance.now();
    if (!await server.isCurrent?.(signal)) throw unmastered(server.name);
    this.#confirmedAt = askedAt;
  }

  /** Whether it was the master a moment ago. */
  get #isFresh(): boolean {
    return performance.now() - this.#confirmedAt < TRUST;
  }

  /** Requeues what a reply brought; if the server rejects it, it is lost, and reported. */
  async #requeue(undo: Undo, reply: Reply): Promise<void> {
    const commands = undo(reply);
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
function membersIn([name, , ...places]: readonly Argument[]): number {
  return name === "ZADD" ? places.length / 2 : 0;
}

const NO_MASTER =
  "it isn't the master any more: what it gave last isn't used, since the new master " +
  "may give it too";

function unmastered(layer: string): LayerUnavailableError {
  return new LayerUnavailableError({ layer, reason: NO_MASTER });
}

function isUnmastered(error: unknown): boolean {
  return error instanceof LayerUnavailableError && error.reason === NO_MASTER;
}
