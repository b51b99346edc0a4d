import { countedJob } from "./jobs.mjs";
import { onEachLine, pause, report } from "./terminal.mjs";

/** As in bench/roles/feed.ts: where nothing more may wait, the sender pauses so long. */
const PAUSE = 20;

/**
 * Adds jobs until the process ends. BullMQ refuses none: the sender asks, once for each round of
 * its lanes, how many wait, and pauses where others would be refused.
 */
export async function feed({ channels: [channel], lanes, capacity }, open) {
  const queue = open(channel);
  let sent = 0;
  let refused = 0;
  onEachLine(() => report({ sent, refused }));
  for (;;) {
    const adds = Array.from({ length: lanes }, () => {
      const { name, data } = countedJob(sent++);
      return queue.add(name, data);
    });
    await Promise.all(adds);
    while (await queue.getWaitingCount() >= capacity) {
      refused++;
      await pause(PAUSE);
    }
  }
}
