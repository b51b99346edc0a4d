import { type ChannelLayer, LayerUnavailableError } from "@asgi/channels";
import { linesOf, type StartedWorker, startWorker } from "../worker/start_worker.ts";
import { Tally } from "../worker/tally.ts";
import { within } from "../testing/within.ts";

/** A worker on the channel "letters" that keeps the numbers of what it handles, in their order. */
export interface RecordingWorker extends StartedWorker {
  readonly seen: Tally<number>;
  /** Waits for a line of its log. */
  said(text: string): Promise<void>;
}

/** Starts one, and waits until it listens. */
export async function startRecording(layer: ChannelLayer): Promise<RecordingWorker> {
  const seen = new Tally<number>();
  const lines = new Tally<string>();
  const running = await startWorker({
    layer,
    channels: ["letters"],
    log: ({ message }) => lines.add(message),
    application: async (_scope, receive) => {
      for (;;) seen.add(Number((await receive()).number));
    },
  });
  const said = async (text: string) => {
    for (let count = 1; !lines.items.some((line) => line.includes(text)); count++) {
      await lines.reach(Math.max(count, lines.items.length + 1));
    }
  };
  return { ...running, seen, said: (text) => within(said(text), `"${text}"`, 20_000) };
}

/** Sends one numbered event to "letters". */
export async function send(layer: ChannelLayer, number: number): Promise<void> {
  await layer.send("letters", { type: "work", number });
}

/** Sends as a program does that tries again until the layer is back. */
export async function sendAtLast(layer: ChannelLayer, number: number): Promise<void> {
  for (const deadline = Date.now() + 20_000;;) {
    try {
      return await send(layer, number);
    } catch (error) {
      if (!(error instanceof LayerUnavailableError) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** What a worker has said of its layer: that it was lost, and that it is back. */
export function outagesOf(running: StartedWorker): [lost: string[], back: string[]] {
  return [linesOf(running, "error"), linesOf(running, "info")];
}
