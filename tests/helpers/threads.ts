import type { Application, ChannelScope, Message, ThreadOptions } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { LetterConsumer as Letters } from "../fixtures/threads/consumers.ts";
import { scope } from "./applications.ts";

/** A thread may start slowly on a busy machine. */
const PATIENCE = { timeout: 30_000 };

/** A consumer on threads, with the test in the role of the server. */
export class ThreadedConsumer implements AsyncDisposable {
  readonly #communicator: ApplicationCommunicator<ChannelScope>;

  constructor(application = letters()) {
    this.#communicator = new ApplicationCommunicator(application, scope);
  }

  /** Sends an event to the consumer. */
  async send(type: string, rest: Omit<Message, "type"> = {}): Promise<void> {
    await this.#communicator.sendInput({ type, ...rest });
  }

  /** Receives the next message of the consumer. */
  async receive(): Promise<Message> {
    return await this.#communicator.receiveOutput(PATIENCE);
  }

  /** Sends an event, and receives the reply. */
  async ask(type: string, rest: Omit<Message, "type"> = {}): Promise<Message> {
    await this.send(type, rest);
    return await this.receive();
  }

  /** Waits until the consumer has ended; rejects with its error. */
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
