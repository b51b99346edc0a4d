import type { Message } from "@asgi/channels";
import type { FillTask } from "../tasks.ts";
import { countedEvent } from "./events.ts";
import type { Subject } from "./subject.ts";

/** How many events one call sends, and how many bytes of them. */
const EVENTS_AT_ONCE = 1_000;
const BYTES_AT_ONCE = 4_000_000;

/** Puts events into the channels, the same number into each. */
export async function fill(
  { channels, count, bytes }: Pick<FillTask, "channels" | "count" | "bytes">,
  subject: Subject,
): Promise<void> {
  const most = bytes === 0
    ? EVENTS_AT_ONCE
    : Math.min(EVENTS_AT_ONCE, Math.ceil(BYTES_AT_ONCE / bytes));
  const each = Math.ceil(count / channels.length);
  for (const channel of channels) {
    for (let sent = 0; sent < each; sent += most) {
      const length = Math.min(most, each - sent);
      await subject.sendMany(channel, events(length, bytes));
    }
  }
}

/** Makes events. */
export function events(length: number, bytes = 0): Message[] {
  return Array.from({ length }, (_, id) => countedEvent(id, bytes));
}
