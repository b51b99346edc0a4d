import type { Message, Scope } from "../../protocol/mod.ts";
import { LAYER_METHODS } from "./channel_layer.ts";
import type { PackedError } from "./packed_error.ts";

/** The first message to a thread: what it talks over from then on. */
export interface Welcome {
  /** For requests and answers. */
  readonly port: MessagePort;
  /** For calls of a handler to the main thread, and what they give. */
  readonly calls: MessagePort;
  /** Wakes a handler that waits for its call; see {@linkcode GATE}. */
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** The name of a lock that the thread holds as long as it lives. */
  readonly lock: string;
  /** Whether its code has fewer permissions than the program: then it must not end it either. */
  readonly isFenced: boolean;
}

/** The places of the gate: whether a call was answered, and whether the thread is being ended. */
export const GATE = { answered: 0, ended: 1 } as const;

/** What a consumer is made of, in its thread. */
export interface Birth {
  /** The name of its class. */
  readonly consumer: string;
  /** What the constructor takes. */
  readonly args: readonly unknown[];
  readonly scope: Scope;
}

/** What a thread is asked for, one thing at a time. */
export type Request =
  /** Whether the module has the class. */
  | { readonly ask: "check"; readonly consumer: string }
  /** Handle an event; `birth` is there when the thread doesn't have the instance yet. */
  | {
    readonly ask: "handle";
    readonly instance: number;
    readonly event: Message;
    readonly birth?: Birth;
  };

/** A request, and the number that its answer repeats. */
export type NumberedRequest = Request & { readonly id: number };

/** What a thread is told, with no answer. */
export type Notice =
  /** An instance isn't needed any more. */
  | { readonly ask: "forget"; readonly instance: number }
  /** The last stray error was logged: the next one may be told. */
  | { readonly ask: "continue" };

/** What a thread says. */
export type Answer =
  /** It has the lock. */
  | { readonly said: "alive" }
  /** It has loaded the module, or tried to. */
  | { readonly said: "ready" }
  /** The request is done. */
  | { readonly said: "done"; readonly id: number }
  /** The request has failed. */
  | { readonly said: "failed"; readonly id: number; readonly error: PackedError }
  /** Something failed that no request waits for, so many times; the error is the last one. */
  | { readonly said: "stray"; readonly count: number; readonly error: PackedError };

/** A call of a handler to the main thread, which it waits for. */
export interface Call {
  readonly instance: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What became of a call. */
export type Outcome = { readonly value: unknown } | { readonly error: PackedError };

/** What a handler may call: nothing else. */
const METHODS: ReadonlySet<unknown> = new Set([
  "send",
  "channelName",
  ...LAYER_METHODS.map((name) => `layer.${name}`),
]);

/** A call has so many arguments at most. */
const MOST_ARGUMENTS = 3;

/**
 * Reads what came from a thread, whose code may have sent anything.
 *
 * @returns The answer, or `undefined` if it is none.
 */
export function readAnswer(data: unknown): Answer | undefined {
  if (!isRecord(data)) return;
  const { said, id, error, count } = data;
  if (said === "alive" || said === "ready") return { said };
  if (said === "done" && isCount(id)) return { said, id };
  if (!isRecord(error)) return;
  // `unpackError()` trusts nothing in it.
  if (said === "failed" && isCount(id)) return { said, id, error: error as PackedError };
  if (said === "stray" && isCount(count)) return { said, count, error: error as PackedError };
}

/**
 * Reads a call that came from a thread, whose code may have sent anything.
 *
 * @returns The call, or `undefined` if it is none. Its arguments may be anything.
 */
export function readCall(data: unknown): Call | undefined {
  if (!isRecord(data)) return;
  const { instance, method, args } = data;
  if (!isCount(instance) || !METHODS.has(method)) return;
  if (!Array.isArray(args) || args.length > MOST_ARGUMENTS) return;
  return { instance, method: method as string, args };
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
