import type { LogStyle } from "../log.ts";
import type { ExitCode } from "../terminal.ts";
import type { WorkerConfiguration } from "../work.ts";
import type { CounterMemory } from "./shared_counter.ts";

/** What a thread is started with. */
export interface Init {
  readonly configuration: WorkerConfiguration;
  /** The number of the thread, from 1. */
  readonly number: number;
  readonly style: LogStyle;
  /** The memory of its counter, see `sharedCounter()`. */
  readonly memory: CounterMemory;
  /** For signals and reports. */
  readonly port: MessagePort;
}

/** A message to a thread, as a signal to a process: stop gracefully, or exit immediately. */
export type Signal = "stop" | "kill";

/** A message of a thread. */
export type Report =
  | { readonly type: "listening"; readonly where: string }
  /** Its code has called an exit function: it requeues unstarted events, and exits then. */
  | { readonly type: "exiting" }
  | Ended;

/** The thread has ended. */
export interface Ended {
  readonly type: "ended";
  readonly code: ExitCode;
  /** Why it could not run, if the other threads cannot either. */
  readonly problem?: string;
}
