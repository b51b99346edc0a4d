import { inTurn, type Measure, play } from "../bench.ts";
import type { Metric } from "../results.ts";
import type { SendReport } from "../tasks.ts";
import { ROOMY } from "./drain.ts";

/** Events per second, each send awaited before the next. */
export const SEND: Metric = {
  id: "send",
  title: "Send, awaited one by one",
  unit: "events/s",
  ratio: "us",
};

/** Events per second of 64 senders in one process. */
export const SEND_64: Metric = {
  id: "send64",
  title: "Send, 64 at once",
  unit: "events/s",
  ratio: "us",
};

/** Events per second in calls of 1,000. */
export const SEND_MANY: Metric = {
  id: "sendMany",
  title: "sendMany of 1,000",
  unit: "events/s",
  ratio: "us",
};

/** How fast one process sends. */
export const send: Measure = {
  name: "send",
  definition:
    "one process sends small events, and nobody receives; events per second after a warm-up. 64 at " +
    "once: 64 loops, each of which awaits its own sends. sendMany: one awaited call of 1,000 after " +
    "the other; for Channels 1,000 sends at once, for BullMQ addBulk. The raw loop awaits a " +
    "script that purges, checks the capacity, adds and sets the expiry; for sendMany it pipelines " +
    "ZADDs of 100, without any of that.",
  async run(bench) {
    const { plan, results } = bench;
    const { rounds, seconds } = plan.send;
    const names = ["redis", "raw", "channels", "bullmq", "sqlite", "memory"] as const;
    await inTurn(bench, names, rounds, async (system) => {
      const order = { role: "send", channels: ["bench"], capacity: ROOMY, seconds } as const;
      const report = await play<SendReport>(system, order);
      results.add(SEND, system.title, report.awaited);
      results.add(SEND_64, system.title, report.at64);
      results.add(SEND_MANY, system.title, report.many);
    });
  },
};
