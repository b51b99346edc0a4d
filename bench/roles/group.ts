import type { ChannelLayer } from "@asgi/channels";
import type { GroupSendTask, JoinTask } from "../tasks.ts";
import { now } from "./clock.ts";
import { countedEvent } from "./events.ts";
import { onEachLine, report } from "./terminal.ts";

/** Receives on channels of this process that are in a group; reports when all have an event. */
export async function join({ group, members }: JoinTask, layer: ChannelLayer): Promise<void> {
  let received = 0;
  const receive = async (channel: string) => {
    for (;;) {
      await layer.receive(channel);
      if (++received % members === 0) report({ at: now() });
    }
  };
  const channels = Array.from({ length: members }, () => layer.newChannel());
  for (const channel of channels) await layer.groupAdd(group, channel);
  const receiving = channels.map(receive);
  report({});
  await Promise.all(receiving);
}

/** Sends to a group each time it is told to. */
export async function groupSend({ group }: GroupSendTask, layer: ChannelLayer): Promise<void> {
  report({});
  await onEachLine(async () => {
    const at = now();
    await layer.groupSend(group, countedEvent(0));
    report({ at });
  });
}
