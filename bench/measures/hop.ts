import { Child } from "../child.ts";
import type { Measure } from "../bench.ts";
import type { Metric } from "../results.ts";
import { quantile } from "../statistics.ts";
import type { HopReport } from "../tasks.ts";

/** What it costs to get to a handler, and back from it. */
export const HOP: Metric = {
  id: "hop",
  title: "An event for a handler that does nothing",
  unit: "ms",
};

/** The rows of the table. */
export const TO_THREAD = "SyncConsumer, to its handler on a thread";
export const ON_THREAD = "SyncConsumer, there and back";
export const BARE = "a bare Worker of the runtime, there and back";
const ON_LOOP = "AsyncConsumer, on the event loop, there and back";
const CALL = "a call of a handler on a thread to the main thread";

const PROGRAM = new URL("../roles/hop.ts", import.meta.url).href;

/** What the way to a thread and back costs. */
export const hop: Measure = {
  name: "hop",
  definition:
    "one process gives events to a consumer, each when the one before is done, at the median: from " +
    "the moment it is given until its handler begins, and, there and back, until the application " +
    "asks for the next. Most of it is how long this machine takes to wake a sleeping thread. A call " +
    "is `this.send()` of a handler on a thread, which does nothing on the main thread.",
  async run({ plan, results }) {
    const { rounds, warmUp, events } = plan.hop;
    for (let round = 0; round < rounds; round++) {
      const args = ["run", "-A", PROGRAM, `${warmUp}`, `${events}`];
      await using child = new Child({ command: Deno.execPath(), args });
      const { loop, there, thread, bare, calls } = await child.report<HopReport>();
      results.add(HOP, ON_LOOP, quantile(loop, 0.5));
      results.add(HOP, TO_THREAD, quantile(there, 0.5));
      results.add(HOP, ON_THREAD, quantile(thread, 0.5));
      results.add(HOP, `${ON_THREAD}, 99th percentile`, quantile(thread, 0.99));
      results.add(HOP, BARE, quantile(bare, 0.5));
      results.add(HOP, CALL, quantile(calls, 0.5));
    }
  },
};
