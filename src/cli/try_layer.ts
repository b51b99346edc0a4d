import { ChannelsError } from "../errors.ts";
import type { ChannelLayer } from "../layers/mod.ts";

/** Something that a worker or a sender does, and what came of it. */
export interface Trial {
  /** What was tried. */
  readonly what: string;
  /** Why it doesn't work, if so. */
  readonly problem?: string;
}

/** How long to wait for what won't come, in milliseconds: a refusal comes sooner. */
const WAITING = 300;

/** Tries what a layer is used for, on a channel and a group that nobody else knows. */
export async function tryLayer(layer: ChannelLayer): Promise<Trial[]> {
  const name = `check-${crypto.randomUUID()}`;
  return [
    await attempt("send", () => layer.send(name, { type: "check" })),
    await attempt("receive", () => layer.receiveMany(name, { limit: 1, wait: false })),
    await attempt("wait for events", () => waitInVain(layer, name)),
    await attempt("use groups", async () => {
      await layer.groupAdd(name, name);
      await layer.groupSend(name, { type: "check" });
      await layer.groupDiscard(name, name);
      await layer.receiveMany(name, { limit: 1, wait: false });
    }),
  ];
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<Trial> {
  try {
    await work();
    return { what };
  } catch (error) {
    if (!(error instanceof ChannelsError)) throw error;
    return { what, problem: error.message };
  }
}

async function waitInVain(layer: ChannelLayer, channel: string): Promise<void> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), WAITING);
  try {
    await layer.receive(channel, { signal: over.signal });
  } catch (error) {
    if (!over.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}
