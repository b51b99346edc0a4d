import type { LogStyle } from "../log.ts";
import type { ExitCode } from "../terminal.ts";
import type { WorkerConfiguration } from "../work.ts";

/** What a thread is started with. */
export interface Assignment {
  readonly order: WorkerConfiguration;
  /** The number of the thread, from 1. */
  readonly number: number;
  readonly style: LogStyle;
  /** Where it counts, see `sharedCounter()`. */
  readonly memory: Float64Array<SharedArrayBuffer>;
}

/** What a thread is told: come to an end, or end at once. */
export type Signal = "stop" | "kill";

/** What a thread says. */
export type Report =
  | { readonly said: "listening"; readonly where: string }
  /** Its code exits: it requeues what it has not started, and then it does. */
  | { readonly said: "exiting" }
  | Ended;

/** It is done. */
export interface Ended {
  readonly said: "ended";
  readonly code: ExitCode;
  /** What has prevented it, and would prevent others as well. */
  readonly problem?: string;
}
