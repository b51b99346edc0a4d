import type { Message, Scope } from "../../protocol/mod.ts";
import type { PackedError } from "../../threads/internal.ts";
import { LAYER_METHODS } from "./channel_layer.ts";

/** What the thread of a consumer is started with. */
export interface Init {
  /** The URL of the user's module. */
  readonly module: string;
  /** For requests and replies. */
  readonly requests: MessagePort;
  /** For calls of a handler to the main thread, and their outcomes. */
  readonly calls: MessagePort;
  /** Wakes a handler that waits for the outcome of its call; see {@linkcode GATE}. */
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** Whether its code has fewer permissions than the program: then it must not be able to end it. */
  readonly isRestricted: boolean;
}

/** The positions in the gate: whether a call has its outcome, and whether the thread is terminated. */
export const GATE = { answered: 0, terminated: 1 } as const;

/** How a thread creates an instance. */
export interface InstanceStart {
  /** The name of the class. */
  readonly consumer: string;
  /** The arguments of the constructor. */
  readonly args: readonly unknown[];
  readonly scope: Scope;
}

/** What a thread has to do: one request at a time, each with a reply. */
export type Request =
  /** Check that the module exports the class. */
  | { readonly type: "check"; readonly consumer: string }
  /** Handle an event; `start` is there if the thread does not have the instance yet. */
  | {
    readonly type: "handle";
    readonly instance: number;
    readonly event: Message;
    readonly start?: InstanceStart;
  };

/** A request with the number that its reply repeats. */
export type NumberedRequest = Request & { readonly id: number };

/** A message to a thread that has no reply. */
export type Notice =
  /** An instance is no longer needed. */
  | { readonly type: "release"; readonly instance: number }
  /** The last unhandled error was reported: the thread may report the next one. */
  | { readonly type: "continue" };

/** A message of a thread. */
export type Reply =
  /** It has its ports and its lock. */
  | { readonly type: "started" }
  /** It has loaded the module, or has failed to. */
  | { readonly type: "ready" }
  /** It has completed the request. */
  | { readonly type: "done"; readonly id: number }
  /** The request has failed. */
  | { readonly type: "failed"; readonly id: number; readonly error: PackedError }
  /** There were so many errors that no request waits for; this is the last one. */
  | { readonly type: "unhandled"; readonly count: number; readonly error: PackedError };

/** A call of a handler, which waits for the outcome, to the main thread. */
export interface Call {
  readonly instance: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** The outcome of a call. */
export type Outcome = { readonly value: unknown } | { readonly error: PackedError };

/** What a handler may call. */
const METHODS: ReadonlySet<unknown> = new Set([
  "send",
  "channelName",
  ...LAYER_METHODS.map((name) => `layer.${name}`),
]);

/** How many arguments a call may have. */
const MAX_ARGUMENTS = 3;

/**
 * Reads a message from a thread, whose code may have sent anything.
 *
 * @returns The reply, or `undefined` if it is invalid.
 */
export function readReply(data: unknown): Reply | undefined {
  if (!isRecord(data)) return;
  const { type, id, error, count } = data;
  if (type === "started" || type === "ready") return { type };
  if (type === "done" && isCount(id)) return { type, id };
  if (!isRecord(error)) return;
  // `unpackError()` trusts nothing in it.
  if (type === "failed" && isCount(id)) return { type, id, error: error as PackedError };
  if (type === "unhandled" && isCount(count)) return { type, count, error: error as PackedError };
}

/**
 * Reads a call from a thread, whose code may have sent anything.
 *
 * @returns The call, or `undefined` if it is invalid. Its arguments may be anything.
 */
export function readCall(data: unknown): Call | undefined {
  if (!isRecord(data)) return;
  const { instance, method, args } = data;
  if (!isCount(instance) || !METHODS.has(method)) return;
  if (!Array.isArray(args) || args.length > MAX_ARGUMENTS) return;
  return { instance, method: method as string, args };
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
