import type { Program } from "../child.ts";
import type { Order, Task } from "../tasks.ts";

/** The names of the systems that are measured. */
export type SystemName =
  | "redis"
  | "sqlite"
  | "memory"
  | "raw"
  | "channels"
  | "bullmq"
  | "bullmq100";

/** A system under test: how to start the processes that play its roles. */
export interface System {
  readonly name: SystemName;
  /** What it is, for a reader of the tables. */
  readonly title: string;
  /** Whether it is compared with this library; else it is of this library. */
  readonly isPeer: boolean;
  /** Whether sender and worker are one process, since no other can be reached. */
  readonly isAlone: boolean;
  /** Whether it has a server for HTTP and WebSockets: the role `site`. */
  readonly isServer: boolean;
  /** How to start a process that plays a role. */
  program(order: Order): Program;
  /** How to start a worker the way its users do, and what it says when it is up. */
  readonly startUp?: { readonly program: Program; readonly says: string };
  /** Takes away what earlier measures have left. */
  reset(): Promise<void>;
}

/** Completes a task with where the layer is. */
export function taskOf(order: Order, url: string): Task {
  return { ...order, url } as Task;
}
