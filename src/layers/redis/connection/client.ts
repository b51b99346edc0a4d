import { Buffer } from "node:buffer";
import type { Access } from "../address.ts";

/** What a command is made of. */
export type Argument = string | Buffer;

/** What Redis answers: texts come as bytes. */
export type Reply = Buffer | number | null | readonly Reply[];

/** Runs one command. */
export type Run = (args: readonly Argument[]) => Promise<Reply>;

/** What commands go through: a connection to one server, or to those of a cluster. */
export interface Client {
  /** Whether it may still be used; else another one is to be made. */
  readonly isReady: boolean;
  readonly run: Run;
  /** The servers that share the keys, each to be run commands on by itself. */
  servers(): Promise<readonly Run[]>;
  /** Calls back whenever bytes arrive, where that can be seen. */
  onReceived?(listener: () => void): void;
  /** Ends it; what is under way rejects. */
  destroy(): void;
}

/** How to open a client. */
export interface OpenOptions {
  readonly access: Access;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
  readonly database?: number;
}

/** An answer that isn't one to what was asked: whoever gave it may mix up the next ones, too. */
export class StrangeReplyError extends Error {
  override readonly name = "StrangeReplyError";

  constructor() {
    super("what came is no answer to what was asked");
  }
}

/** An answer that is a list; `null` is an empty one. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (reply === null) return [];
  if (Array.isArray(reply)) return reply;
  throw new StrangeReplyError();
}

/** An answer that is a list of texts. */
export function textsOf(reply: Reply | undefined): readonly Buffer[] {
  const list = listOf(reply);
  if (list.every((item) => item instanceof Buffer)) return list as readonly Buffer[];
  throw new StrangeReplyError();
}

/** An answer that is a number. */
export function countOf(reply: Reply | undefined): number {
  if (Number.isSafeInteger(reply) && Number(reply) >= 0) return Number(reply);
  throw new StrangeReplyError();
}

/** The other end of a connection. */
export interface Target {
  /** What it is called in messages for people. */
  readonly name: string;
  /** Connects to it, wherever it is now; the signal ends the attempt. */
  open(signal: AbortSignal): Promise<Client>;
  /**
   * Whether what `open()` connected to is still the one to work with. Only for one that another may
   * take the place of: such a one may forget what was done to it.
   */
  isCurrent?(signal: AbortSignal): Promise<boolean>;
  /** How often to ask that, in milliseconds, if the server itself may never tell. */
  readonly checkInterval?: number;
}
