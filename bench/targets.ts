import { DRAIN } from "./measures/drain.ts";
import { BARE, HOP, ON_THREAD, TO_THREAD } from "./measures/hop.ts";
import { FETCH, HTTP } from "./measures/http.ts";
import { LATENCY, LATENCY_99 } from "./measures/latency.ts";
import { MEMORY_GROWTH } from "./measures/memory.ts";
import { SEND, SEND_64, SEND_MANY } from "./measures/send.ts";
import { BARE_SERVER, DAPHNE } from "./measures/site.ts";
import { SOCKETS_IN_4, SOCKETS_IN_ONE } from "./measures/sockets.ts";
import { type Metric, type Results, US } from "./results.ts";

const CHANNELS = "Channels (Python)";
const BULLMQ = "BullMQ (Node)";
const RAW = "raw loop on node-redis";
const SQLITE = "this library, SQLite";

/** What a ratio of one row to another shall be. */
interface Target {
  readonly metric: Metric;
  readonly ours: string;
  readonly theirs: string;
  /** At least so much where more is better, at most so much where less is. */
  readonly bound: number;
}

const TARGETS: readonly Target[] = [
  { metric: DRAIN, ours: US, theirs: CHANNELS, bound: 100 },
  { metric: DRAIN, ours: US, theirs: BULLMQ, bound: 30 },
  { metric: DRAIN, ours: US, theirs: RAW, bound: 0.85 },
  { metric: SEND, ours: US, theirs: CHANNELS, bound: 4 },
  { metric: SEND, ours: US, theirs: BULLMQ, bound: 1.7 },
  { metric: SEND, ours: US, theirs: RAW, bound: 0.9 },
  { metric: SEND_64, ours: US, theirs: CHANNELS, bound: 6 },
  { metric: SEND_64, ours: US, theirs: BULLMQ, bound: 1.5 },
  { metric: SEND_64, ours: US, theirs: RAW, bound: 0.85 },
  { metric: SEND_MANY, ours: US, theirs: CHANNELS, bound: 20 },
  { metric: SEND_MANY, ours: US, theirs: BULLMQ, bound: 5 },
  { metric: SEND_MANY, ours: US, theirs: RAW, bound: 0.7 },
  { metric: LATENCY, ours: US, theirs: CHANNELS, bound: 0.8 },
  { metric: LATENCY_99, ours: US, theirs: CHANNELS, bound: 0.7 },
  { metric: LATENCY, ours: US, theirs: BULLMQ, bound: 0.5 },
  { metric: LATENCY_99, ours: US, theirs: BULLMQ, bound: 0.5 },
  { metric: LATENCY, ours: US, theirs: RAW, bound: 1.3 },
  { metric: LATENCY_99, ours: US, theirs: RAW, bound: 1.3 },
  { metric: DRAIN, ours: SQLITE, theirs: CHANNELS, bound: 100 },
  { metric: DRAIN, ours: SQLITE, theirs: BULLMQ, bound: 30 },
  { metric: HOP, ours: ON_THREAD, theirs: BARE, bound: 1.5 },
  { metric: SOCKETS_IN_ONE, ours: US, theirs: DAPHNE, bound: 0.1 },
  { metric: SOCKETS_IN_ONE, ours: US, theirs: BARE_SERVER, bound: 1.5 },
  { metric: SOCKETS_IN_4, ours: US, theirs: DAPHNE, bound: 0.1 },
  { metric: SOCKETS_IN_4, ours: US, theirs: BARE_SERVER, bound: 1.5 },
  { metric: HTTP, ours: FETCH, theirs: BARE_SERVER, bound: 0.8 },
];

/** What became of a target in this run. */
export interface Verdict {
  readonly what: string;
  readonly against: string;
  readonly target: string;
  readonly measured: string;
  readonly isReached: boolean;
}

/** How much a worker's memory may grow, in megabytes. */
const MOST_GROWTH = 10;

/** How long an event may take to a thread, in milliseconds. */
const MOST_FOR_HOP = 0.2;

/** Judges the targets that were measured in this run. */
export function judge(results: Results): Verdict[] {
  return [...judgeRatios(results), ...judgeMemory(results), ...judgeHop(results)];
}

function judgeHop(results: Results): Verdict[] {
  const cost = results.median(HOP, TO_THREAD);
  if (cost === undefined) return [];
  return [{
    what: HOP.title,
    against: TO_THREAD,
    target: `less than ${MOST_FOR_HOP} ms`,
    measured: `${cost.toFixed(3)} ms`,
    isReached: cost < MOST_FOR_HOP,
  }];
}

function judgeMemory(results: Results): Verdict[] {
  const growth = results.median(MEMORY_GROWTH, US);
  if (growth === undefined) return [];
  return [{
    what: MEMORY_GROWTH.title,
    against: "",
    target: `less than ${MOST_GROWTH} MB`,
    measured: `${growth.toFixed(1)} MB`,
    isReached: growth < MOST_GROWTH,
  }];
}

function judgeRatios(results: Results): Verdict[] {
  return TARGETS.flatMap((target) => {
    const { metric, ours, theirs, bound } = target;
    const mine = results.median(metric, ours);
    const other = results.median(metric, theirs);
    if (mine === undefined || other === undefined) return [];
    const ratio = mine / other;
    const isLess = metric.unit === "ms";
    return [{
      what: `${metric.title}${ours === SQLITE ? " (SQLite)" : ""}`,
      against: theirs,
      target: `${isLess ? "at most" : "at least"} ${bound}`,
      measured: ratio.toPrecision(3),
      isReached: isLess ? ratio <= bound : ratio >= bound,
    }];
  });
}
