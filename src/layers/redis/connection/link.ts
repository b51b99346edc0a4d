import type { Argument, Client, Reply, Run } from "./client.ts";
import { type Expectation, Watchdog } from "./watchdog.ts";

/** How long to wait for an answer, in milliseconds, beyond what the command itself waits. */
const PATIENCE = 5_000;

/** How slow a network may be at least, in bytes per millisecond: 1 Mbit/s. */
const SLOWEST_NETWORK = 125;

/** For so long a server that fell silent may still answer what was given up, in milliseconds. */
const LATENESS = 30_000;

/** How to run a command. */
export interface RunOptions {
  /** How long the command itself may wait, in milliseconds. */
  readonly blocksFor?: number;
  /** Told an answer that came after the command was given up. */
  readonly onLateReply?: (reply: Reply) => void;
}

/** What a link is made of. */
export interface LinkOptions {
  readonly client: Client;
  /** Whether another server may take this one's place: then silence ends the link. */
  readonly isReplaceable: boolean;
  /** The link has ended. */
  readonly onEnd: (link: Link) => void;
}

interface Command extends Expectation {
  readonly reject: (error: Error) => void;
  readonly onLateReply?: ((reply: Reply) => void) | undefined;
}

/**
 * A client from its connecting to its end. One that is replaced is retired: what is under way gets
 * its answers, and with the last one the client is ended.
 */
export class Link {
  readonly client: Client;
  readonly #options: LinkOptions;
  readonly #watchdog = new Watchdog<Command>(() => this.#giveUp());
  #isRetired = false;
  #isSilent = false;
  #hasEnded = false;
  #keepers = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.client = options.client;
    this.client.onReceived?.(() => this.#watchdog.noteSign());
  }

  /** Whether commands may be run on it. */
  get isUsable(): boolean {
    return !this.#isRetired && this.client.isReady;
  }

  /** Runs a command; it rejects when there is no sign of life for too long. */
  run(
    args: readonly Argument[],
    { blocksFor = 0, onLateReply }: RunOptions,
    run: Run = this.client.run,
  ): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const patience = PATIENCE + blocksFor + sizeOf(args) / SLOWEST_NETWORK;
    const command: Command = { patience, reject, onLateReply };
    this.#watchdog.expect(command);
    run(args).then((reply) => {
      if (this.#isSilent) onLateReply?.(reply);
      resolve(reply);
    }, reject).finally(() => this.#settle(command));
    return promise;
  }

  /** Does something that takes several commands: until then the link isn't ended for want of any. */
  async keepFor<T>(work: () => Promise<T>): Promise<T> {
    this.#keepers++;
    try {
      return await work();
    } finally {
      this.#keepers--;
      this.#endIfDone();
    }
  }

  /** Takes no more commands, and ends when those that are under way have their answers. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfDone();
  }

  /** Ends the client; commands under way reject. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = this.#isRetired = true;
    this.#watchdog.rest();
    this.client.destroy();
    this.#options.onEnd(this);
  }

  #settle(command: Command): void {
    this.#watchdog.settle(command);
    this.#endIfDone();
  }

  #endIfDone(): void {
    const isIdle = this.#keepers === 0 && this.#watchdog.expected.size === 0;
    if (this.#isRetired && isIdle) this.end();
  }

  /**
   * The server has fallen silent: the callers are told so. It may have been frozen and go on later,
   * and what it takes out of a channel then must not be lost with the connection.
   */
  #giveUp(): void {
    if (this.#isSilent || this.#options.isReplaceable) return this.end();
    this.#isSilent = this.#isRetired = true;
    for (const command of this.#watchdog.expected) {
      command.patience += LATENESS;
      command.reject(new Error("no answer in time"));
    }
  }
}

function sizeOf(args: readonly Argument[]): number {
  let size = 0;
  for (const { length } of args) size += length;
  return size;
}
