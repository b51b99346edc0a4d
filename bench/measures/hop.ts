import { Child } from "../child.ts";
import type { Measure } from "../bench.ts";
import type { Metric } from "../results.ts";
import { quantile } from "../statistics.ts";
import type { HopReport } from "../tasks.ts";

/** What a handler costs, the hop to its thread and back included. */
export const HOP: Metric = {
  id: "hop",
  title: "An event for a handler that does nothing",
  unit: "ms",
};

/** The rows of the table. */
export const ON_THREAD = "SyncConsumer, on a thread";
const ON_LOOP = "AsyncConsumer, on the event loop";
const CALL = "a call of a handler on a thread to the main thread";

const PROGRAM = new URL("../roles/hop.ts", import.meta.url).href;

/** What the way to a thread and back costs. */
export const hop: Measure = {
  name: "hop",
  definition:
    "one process gives events to a consumer, each when the one before is done: from the " +
    "moment it is given until the application asks for the next, at the median, there and back. A " +
    "call is `this.send()` of a handler on a thread, which does nothing on the main thread.",
  async run({ plan, results }) {
    const { rounds, warmUp, events } = plan.hop;
    for (let round = 0; round < rounds; round++) {
      const args = ["run", "-A", PROGRAM, `${warmUp}`, `${events}`];
      await using child = new Child({ command: Deno.execPath(), args });
      const { loop, thread, calls } = await child.report<HopReport>();
      results.add(HOP, ON_LOOP, quantile(loop, 0.5));
      results.add(HOP, ON_THREAD, quantile(thread, 0.5));
      results.add(HOP, `${ON_THREAD}, 99th percentile`, quantile(thread, 0.99));
      results.add(HOP, CALL, quantile(calls, 0.5));
    }
  },
};
