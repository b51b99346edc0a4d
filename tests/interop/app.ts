/**
 * The app of these tests, and of `site/peer/consumers.py`, in TypeScript.
 *
 * @module
 */
import { AsyncConsumer, type Message, ProtocolTypeRouter } from "@asgi/channels";

interface NumberedEvent {
  readonly type: string;
  readonly id: number;
}

interface SendNumberedEvent {
  readonly type: string;
  readonly channel: string;
  readonly count: number;
  readonly at_once: boolean;
}

interface Question {
  readonly type: string;
  readonly question: string;
}

/** An event with values of each type. */
export const ANNOUNCEMENT = {
  type: "announcement",
  text: "Grüße 😀",
  id: 2n ** 60n,
  ratio: 0.5,
  zero: -0,
  bytes: Uint8Array.of(0, 255),
  nothing: null,
  list: [1, true, { inner: {} }],
} as const;

class PeerConsumer extends AsyncConsumer {
  /** Prints the id. */
  async record(event: NumberedEvent) {
    await Promise.resolve();
    console.log(event.id);
  }

  /** Prints the id after a millisecond, so that others get their share. */
  async record_slowly(event: NumberedEvent) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(event.id);
  }

  /** Sends numbered events to a channel: one after the other, or all at once. */
  async send_numbered({ channel, count, at_once }: SendNumberedEvent) {
    const events = Array.from({ length: count }, (_, id) => ({ type: "record", id }));
    const send = (event: Message) => this.channelLayer.send(channel, event);
    if (at_once) await Promise.all(events.map(send));
    else for (const event of events) await send(event);
  }

  /** Sends a question to a channel; the answer arrives on this consumer's own channel. */
  async ask({ channel, question }: Question & { readonly channel: string }) {
    const event = { type: "question", question, reply_to: this.channelName };
    await this.channelLayer.send(channel, event);
  }

  async question({ question, reply_to }: Question & { readonly reply_to: string }) {
    await this.channelLayer.send(reply_to, { type: "answer", answer: `Deno to ${question}` });
  }

  /** Sends the announcement, with a number, to a group. */
  async announce({ group, number }: { readonly group: string; readonly number: number }) {
    await this.channelLayer.groupSend(group, { ...ANNOUNCEMENT, number });
  }

  async answer({ answer }: { readonly type: string; readonly answer: string }) {
    await Promise.resolve();
    console.log(answer);
  }
}

/** Handles every channel alike. */
export const application = ProtocolTypeRouter({ channel: PeerConsumer.asAsgi() });
