import type { Application, ChannelScope, Message, ThreadOptions } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { LetterConsumer } from "../fixtures/threads/consumers.ts";

/** Where the consumers of these tests are. */
export const MODULE = new URL("../fixtures/threads/consumers.ts", import.meta.url).href;

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

/** The fixture's consumer as an application. */
export function letters(options: Partial<ThreadOptions> = {}): Application<ChannelScope> {
  return LetterConsumer.asAsgi({ module: MODULE, threads: 1, ...options });
}
