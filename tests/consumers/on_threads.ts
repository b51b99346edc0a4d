import type { Application, ChannelScope, Message, ThreadOptions } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { LetterConsumer as Letters } from "../fixtures/threads/consumers.ts";

export const scope: ChannelScope = { type: "channel", channel: "letters" };

/** A machine may be busy: a thread may take long to start, in milliseconds. */
const PATIENCE = { timeout: 30_000 };

/** Plays the server to a consumer on threads. */
export class Player implements AsyncDisposable {
  readonly #communicator: ApplicationCommunicator<ChannelScope>;

  constructor(application = letters()) {
    this.#communicator = new ApplicationCommunicator(application, scope);
  }

  /** Gives it an event. */
  async give(type: string, rest: Omit<Message, "type"> = {}): Promise<void> {
    await this.#communicator.sendInput({ type, ...rest });
  }

  /** Takes what it has sent. */
  async take(): Promise<Message> {
    return await this.#communicator.receiveOutput(PATIENCE);
  }

  /** Gives it an event, and takes what it answers. */
  async ask(type: string, rest: Omit<Message, "type"> = {}): Promise<Message> {
    await this.give(type, rest);
    return await this.take();
  }

  /** Waits for its end, and throws what it threw. */
  async end(): Promise<void> {
    await this.#communicator.wait(PATIENCE);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#communicator.stop(PATIENCE);
  }
}

/** The fixture's consumer as an application, with some settings, as if a module exported it. */
export function letters(
  threads: ThreadOptions = {},
  module = Letters.module,
): Application<ChannelScope> {
  // Its thread finds the fixture's class by this name.
  class LetterConsumer extends Letters {
    static override module = module;
    static override threads = { ...Letters.threads, ...threads };
  }
  return LetterConsumer.asAsgi();
}
