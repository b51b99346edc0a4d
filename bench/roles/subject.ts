import type { Message } from "@asgi/channels";
import type { WorkTask } from "../tasks.ts";
import type { Tally } from "./tally.ts";

/** What the roles ask of the system under test. */
export interface Subject {
  /** Sends an event; rejects when the channel is full. */
  send(channel: string, event: Message): Promise<void>;
  /** Sends events to one channel, in one call. */
  sendMany(channel: string, events: readonly Message[]): Promise<void>;
  /** How many of the events were sent, when a call was refused because the channel is full. */
  acceptedBefore(error: unknown): number;
  /** Handles the events of the channels, and calls `onListen` when it is ready to. */
  work(task: Pick<WorkTask, "channels">, tally: Tally, onListen: () => void): Promise<void>;
}
