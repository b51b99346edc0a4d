import type { Message, Scope } from "../../protocol/mod.ts";
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

/** What a thread is told, with no answer: an instance isn't needed any more. */
export interface Notice {
  readonly ask: "forget";
  readonly instance: number;
}

/** What a thread says. */
export type Answer =
  /** It has the lock. */
  | { readonly said: "alive" }
  /** It has loaded the module, or tried to. */
  | { readonly said: "ready" }
  /** The request is done. */
  | { readonly said: "done" }
  /** The request has failed. */
  | { readonly said: "failed"; readonly error: PackedError }
  /** Something failed that no request waits for. */
  | { readonly said: "stray"; readonly error: PackedError };

/** A call of a handler to the main thread, which it waits for. */
export interface Call {
  readonly instance: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What became of a call. */
export type Outcome = { readonly value: unknown } | { readonly error: PackedError };
