import { Worker } from "./bullmq.mjs";
import { now, onEachLine, report } from "./terminal.mjs";

/** Handles jobs, up to `concurrency` at a time, and only counts them, until the process ends. */
export async function work({ channels, expected, concurrency }, _open, connection) {
  let handled = 0;
  let firstAt = 0;
  const latencies = [];
  const tell = () => {
    const milliseconds = handled === 0 ? 0 : now() - firstAt;
    report({ handled, milliseconds, latencies });
  };
  const handle = (job) => {
    if (job.name === "bench.timed") latencies.push(now() - job.data.sentAt);
    if (++handled === 1) firstAt = now();
    if (handled === expected) tell();
    return Promise.resolve();
  };
  onEachLine(tell);
  const workers = channels.map((name) => new Worker(name, handle, { connection, concurrency }));
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  report({});
  await new Promise(() => {});
}
