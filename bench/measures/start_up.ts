import { inTurn, type Measure, start } from "../bench.ts";
import { Child } from "../child.ts";
import type { Metric } from "../results.ts";
import { pause } from "../roles/clock.ts";

const START_UP: Metric = { id: "startUp", title: "Start-up", unit: "ms", ratio: "us" };
const WORKER: Metric = {
  id: "workerConnections",
  title: "Connections of a worker that listens to 100 channels",
  unit: "connections",
};
const SENDER: Metric = {
  id: "senderConnections",
  title: "Connections of a sender, 64 sends at once",
  unit: "connections",
};

/** How long a process may take until all of its connections are made, in milliseconds. */
const SETTLED = 200;

/** How long a worker takes to be there. */
export const startUp: Measure = {
  name: "startUp",
  definition: "from the start of the process `runworker` to the line that says that it is up: " +
    "`Listening on`, after the layer has answered; of Channels, `Running worker`, before it has " +
    "connected.",
  async run(bench) {
    const { plan, results } = bench;
    await inTurn(bench, ["redis", "channels", "sqlite"], plan.startUp.rounds, async (system) => {
      if (!system.startUp) return;
      const startedAt = performance.now();
      await using child = new Child(system.startUp.program);
      results.add(START_UP, system.title, await child.said(system.startUp.says) - startedAt);
    });
  },
};

/** How many connections the processes hold. */
export const connections: Measure = {
  name: "connections",
  definition:
    "what Redis lists as connected, by one worker process that listens to 100 channels, " +
    "and by one process that sends, 64 at once.",
  async run(bench) {
    const channels = Array.from({ length: 100 }, (_, index) => `bench-${index}`);
    await inTurn(bench, ["redis", "channels", "bullmq"], 1, async (system) => {
      await using worker = start(system, { role: "work", channels, expected: 0, capacity: 100 });
      await worker.report();
      await pause(SETTLED);
      bench.results.add(WORKER, system.title, await bench.redis.connections());
    });
    await inTurn(bench, ["redis", "channels", "bullmq"], 1, async (system) => {
      const load = { lanes: 64, batch: 1, capacity: 1_000 };
      await using sender = start(system, { role: "feed", channels: ["bench"], ...load });
      await sender.ask();
      await pause(SETTLED);
      bench.results.add(SENDER, system.title, await bench.redis.connections());
    });
  },
};
