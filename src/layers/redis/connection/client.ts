import { Buffer } from "node:buffer";
import type { Access } from "../address.ts";
import { RedisFailure } from "./failures.ts";

/** A part of a command. */
export type Argument = string | Buffer;

/** A reply of Redis; strings are bytes. */
export type Reply = Buffer | number | null | readonly Reply[];

/** Runs a command. */
export type Run = (args: readonly Argument[]) => Promise<Reply>;

/** Runs commands on one server, or on the servers of a cluster. */
export interface Client {
  /** Whether it can still be used; if not, it has to be replaced. */
  readonly isReady: boolean;
  /** Runs a command; it rejects with a `RedisFailure`. */
  readonly run: Run;
  /** Returns a function for each server that holds a part of the keys. */
  servers(): Promise<readonly Run[]>;
  /** Calls back when bytes arrive, if the client can observe that. */
  onReceived?(listener: () => void): void;
  /** Closes it; pending commands reject. */
  destroy(): void;
}

/** Options for opening a client. */
export interface OpenOptions {
  readonly access: Access;
  /** Aborts the attempt. */
  readonly signal: AbortSignal;
  readonly database?: number;
}

/** The server that a connection leads to. */
export interface Target {
  /** Its name in errors and warnings. */
  readonly name: string;
  /** Connects to the server, wherever it is now. */
  open(signal: AbortSignal): Promise<Client>;
  /**
   * Returns whether the server that `open()` connected to is still the right one. Only a server
   * that another one can replace has this method: the replacement may miss recent writes.
   */
  isCurrent?(signal: AbortSignal): Promise<boolean>;
  /**
   * How often to call `isCurrent()`, in milliseconds, if the server may not report its replacement.
   */
  readonly checkInterval?: number;
}

/**
 * Returns the failure for a reply of the wrong shape: the following replies may be mixed up, too.
 */
export function invalidReply(): RedisFailure {
  return new RedisFailure("invalidReply");
}

/** Reads a reply that is a list; `null` is an empty one. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (reply === null) return [];
  if (Array.isArray(reply)) return reply;
  throw invalidReply();
}

/** Reads a reply that is a list of strings. */
export function textsOf(reply: Reply | undefined): readonly Buffer[] {
  const list = listOf(reply);
  if (list.every((item) => item instanceof Buffer)) return list as readonly Buffer[];
  throw invalidReply();
}

/** Reads a reply that is a number. */
export function countOf(reply: Reply | undefined): number {
  if (Number.isSafeInteger(reply) && Number(reply) >= 0) return Number(reply);
  throw invalidReply();
}
