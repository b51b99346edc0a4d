import { type ChannelLayer, LayerUnavailableError, type Message } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { pause } from "../helpers/waiting.ts";
import { linesOf, type StartedWorker, startWorker } from "../helpers/worker.ts";

/** A worker on the channel "letters" that records the numbers of its events, in order. */
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
  const said = (text: string) => lines.find((line) => line.includes(text), `"${text}"`, 20_000);
  return { ...running, seen, said };
}

/** Sends one numbered event to "letters". */
export async function send(layer: ChannelLayer, number: number): Promise<void> {
  await layer.send("letters", { type: "work", number });
}

/** Sends an event, or one with a number, and retries while the layer is unavailable. */
export async function sendAtLast(
  layer: ChannelLayer,
  event: number | Message,
  channel = "letters",
): Promise<void> {
  const message = typeof event === "number" ? { type: "work", number: event } : event;
  for (const deadline = Date.now() + 20_000;;) {
    try {
      return await layer.send(channel, message);
    } catch (error) {
      if (!(error instanceof LayerUnavailableError) || Date.now() > deadline) throw error;
      await pause(20);
    }
  }
}

/** Returns what a worker has logged about its layer: lost connections, and reconnections. */
export function outagesOf(running: StartedWorker): [lost: string[], back: string[]] {
  return [linesOf(running, "error"), linesOf(running, "info")];
}
