import type { PaceTask } from "../tasks.ts";
import { now, pause } from "./clock.ts";
import { countedEvent, timedEvent } from "./events.ts";
import type { Subject } from "./subject.ts";

/** Sends one event every so many milliseconds, into the channels in turn. */
export async function pace(
  { channels, every, warmUp, count, bytes }: Omit<PaceTask, "role" | "url" | "capacity">,
  subject: Subject,
): Promise<void> {
  let due = performance.now();
  for (let id = 0; id < warmUp + count; id++) {
    const channel = channels[id % channels.length]!;
    const event = id < warmUp ? countedEvent(id, bytes) : timedEvent(now(), bytes);
    await subject.send(channel, event);
    // One that is late doesn't make the next ones come in a burst.
    due = Math.max(due + every, performance.now());
    await pause(due - performance.now());
  }
}
