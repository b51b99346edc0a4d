import type { SendReport, SendTask } from "../tasks.ts";
import { countedEvent } from "./events.ts";
import { events } from "./fill.ts";
import type { Subject } from "./subject.ts";

/** How long the time that isn't counted is, before that which is, as a part of it. */
const WARM_UP = 0.5;

/** Sends one by one, 64 at once, and 1,000 in a call; each into a channel of its own. */
export async function measureSending(
  { channels: [channel = ""], seconds }: SendTask,
  subject: Subject,
): Promise<SendReport> {
  const sendTo = (name: string) => (id: number) => subject.send(name, countedEvent(id));
  const awaited = await rate(seconds, 1, sendTo(`${channel}-awaited`));
  const at64 = await rate(seconds, 64, sendTo(`${channel}-at-64`));
  const calls = await rate(seconds, 1, () => subject.sendMany(`${channel}-many`, events(1_000)));
  return { awaited, at64, many: calls * 1_000 };
}

/** Calls per second, by so many lanes, each of which awaits its own calls. */
async function rate(
  seconds: number,
  lanes: number,
  call: (id: number) => Promise<void>,
): Promise<number> {
  await repeat(seconds * WARM_UP, lanes, call);
  return await repeat(seconds, lanes, call);
}

async function repeat(
  seconds: number,
  lanes: number,
  call: (id: number) => Promise<void>,
): Promise<number> {
  let calls = 0;
  const start = performance.now();
  const lane = async () => {
    while (performance.now() - start < seconds * 1000) await call(calls++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return calls / (performance.now() - start) * 1000;
}
