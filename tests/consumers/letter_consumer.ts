import { AsyncConsumer, type ChannelScope, StopConsumer } from "@asgi/channels";
import type { ApplicationCommunicator } from "@asgi/channels/testing";

/** Sends the name of its own channel, replies, joins groups, stops, and fails. */
export class LetterConsumer extends AsyncConsumer {
  async tell_channel(): Promise<void> {
    await this.send({ type: "channel", name: this.channelName });
  }

  async letter_sent({ text }: { type: string; text: string }): Promise<void> {
    await this.send({ type: "read", text });
  }

  async group_join({ group }: { type: string; group: string }): Promise<void> {
    await this.channelLayer.groupAdd(group, this.channelName);
    await this.send({ type: "joined" });
  }

  stop(): never {
    throw new StopConsumer();
  }

  fail(): never {
    throw new RangeError("No stamp");
  }
}

/** Has a consumer open its own channel, and returns the name. */
export async function channelOf(
  communicator: ApplicationCommunicator<ChannelScope>,
): Promise<string> {
  await communicator.sendInput({ type: "tell.channel" });
  const { name } = await communicator.receiveOutput();
  return String(name);
}
