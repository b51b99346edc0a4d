/**
 * The measures, in the order in which they run.
 *
 * @module
 */
import type { Measure } from "../bench.ts";
import { drain } from "./drain.ts";
import { endToEnd } from "./end_to_end.ts";
import { fanOut } from "./fan_out.ts";
import { growth } from "./growth.ts";
import { hop } from "./hop.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { send } from "./send.ts";
import { connections, startUp } from "./start_up.ts";

/** All of them. */
export const MEASURES: readonly Measure[] = [
  drain,
  send,
  latency,
  hop,
  endToEnd,
  fanOut,
  growth,
  startUp,
  connections,
  memory,
];
