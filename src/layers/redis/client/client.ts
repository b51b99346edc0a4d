import type { Buffer } from "node:buffer";
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
