/**
 * The measures, in the order in which they run.
 *
 * @module
 */
import type { Measure } from "../bench.ts";
import { drain } from "./drain.ts";
import { endToEnd } from "./end_to_end.ts";
import { echo } from "./echo.ts";
import { fanOut } from "./fan_out.ts";
import { growth } from "./growth.ts";
import { hop } from "./hop.ts";
import { http } from "./http.ts";
import { idleSockets } from "./idle_sockets.ts";
import { latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { send } from "./send.ts";
import { sockets } from "./sockets.ts";
import { connections, startUp } from "./start_up.ts";

/** All of them. */
export const MEASURES: readonly Measure[] = [
  drain,
  send,
  latency,
  hop,
  endToEnd,
  fanOut,
  sockets,
  echo,
  http,
  idleSockets,
  growth,
  startUp,
  connections,
  memory,
];
