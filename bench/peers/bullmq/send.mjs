import { countedJob, jobs, timedJob } from "./jobs.mjs";
import { now, pause } from "./terminal.mjs";

/** The part of the time that comes first and isn't counted. */
const WARM_UP = 0.25;

const add = (queue, { name, data }) => queue.add(name, data);

/** Puts jobs into the queue. */
export async function fill({ channels, count }, open) {
  const queue = open(channels[0]);
  for (let sent = 0; sent < count; sent += 1_000) {
    await queue.addBulk(jobs(Math.min(1_000, count - sent)));
  }
}

/** Adds one by one, 64 at once, and 1,000 in a call; each into a queue of its own. */
export async function measureSending({ channels: [channel], seconds }, open) {
  const adding = (queue) => (id) => add(queue, countedJob(id));
  const awaited = await rate(seconds, 1, adding(open(`${channel}-awaited`)));
  const at64 = await rate(seconds, 64, adding(open(`${channel}-at-64`)));
  const queue = open(`${channel}-many`);
  const calls = await rate(seconds, 1, () => queue.addBulk(jobs(1_000)));
  return { awaited, at64, many: calls * 1_000 };
}

/** Adds one job every so many milliseconds. */
export async function pace({ channels: [channel], every, warmUp, count }, open) {
  const queue = open(channel);
  let due = performance.now();
  for (let id = 0; id < warmUp + count; id++) {
    await add(queue, id < warmUp ? countedJob(id) : timedJob(now()));
    // One that is late doesn't make the next ones come in a burst.
    due = Math.max(due + every, performance.now());
    await pause(due - performance.now());
  }
}

/** Calls per second, by so many lanes, each of which awaits its own calls. */
async function rate(seconds, lanes, call) {
  await repeat(seconds * WARM_UP, lanes, call);
  return await repeat(seconds, lanes, call);
}

async function repeat(seconds, lanes, call) {
  let calls = 0;
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < seconds * 1000) await call(calls++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return calls / (performance.now() - start) * 1000;
}
