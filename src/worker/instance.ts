import { ServerStoppedError } from "../errors.ts";
import type { Application, ChannelScope, Message, Receive, Send } from "../protocol/mod.ts";

/** What an instance asks of the channel that it works for. */
export interface InstanceOwner {
  /** The instance is done with the event in its hand, after so many milliseconds. */
  finished(duration: number): void;
  /** The next event, if there is one now; else it is given later. */
  next(): Message | undefined;
  /** The application has come to its end. */
  ended(instance: Instance, failure: { readonly error: unknown } | undefined): void;
}

/**
 * One run of the application for a channel: it takes an event by `receive()`, and is done with it
 * when it asks for the next.
 *
 * States: `handling` (an event in hand) → `waiting` (a `receive()` pends) → `handling` ... → ended.
 */
export class Instance {
  readonly #host: InstanceOwner;
  readonly #waiting: PromiseWithResolvers<Message>[] = [];
  #first: Message | undefined;
  #current: Message | undefined;
  #since = performance.now();
  #stopped = false;
  #refused = false;

  /** @param first The event that it is started for: it is in its hand, and will be received first. */
  constructor(host: InstanceOwner, first: Message) {
    this.#host = host;
    this.#first = this.#current = first;
  }

  /** The event in hand. */
  get current(): Message | undefined {
    return this.#current;
  }

  /** How long it has been in hand, in milliseconds. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** Whether a `receive()` pends. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether the application never asked for the event that it was started for. */
  get hasRefused(): boolean {
    return this.#first !== undefined;
  }

  /** Runs the application to its end. */
  async run(application: Application<ChannelScope>, scope: ChannelScope): Promise<void> {
    try {
      await application(scope, this.#receive, refuseToSend);
      this.#host.ended(this, undefined);
    } catch (thrown) {
      const error = presentable(thrown);
      this.#host.ended(this, isStop(error) ? undefined : { error });
    }
  }

  /** Gives an event to the `receive()` that pends: what was in hand before, if anything, is done. */
  give(event: Message): void {
    this.#finish();
    this.#current = event;
    this.#waiting.shift()?.resolve(event);
  }

  /** Lets the application come to its end once there is nothing left for it. */
  stop(): void {
    this.#stopped = true;
    if (this.isWaiting) this.#refused = true;
    for (const { reject } of this.#waiting.splice(0)) reject(new ServerStoppedError());
  }

  readonly #receive: Receive = () => {
    const first = this.#first;
    if (first) {
      this.#first = undefined;
      return Promise.resolve(first);
    }
    this.#finish();
    const event = this.#host.next();
    if (!event) return this.#stopped ? this.#refuse() : this.#wait();
    this.#current = event;
    return Promise.resolve(event);
  };

  /** The end of one event is the beginning of the next: the clock is read once. */
  #finish(): void {
    const now = performance.now();
    if (this.#current) this.#host.finished(now - this.#since);
    this.#current = undefined;
    this.#since = now;
  }

  #wait(): Promise<Message> {
    const waiting = Promise.withResolvers<Message>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  /** Rejects once; one that goes on asking would else spin for ever, and has ended. */
  #refuse(): Promise<Message> {
    if (this.#refused) {
      this.#host.ended(this, undefined);
      return new Promise(() => {});
    }
    this.#refused = true;
    return Promise.reject(new ServerStoppedError());
  }
}

function isStop(error: unknown): boolean {
  return error instanceof ServerStoppedError;
}

/** What is thrown may be anything: even something that throws when it is looked at. */
function presentable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error);
    return thrown;
  } catch {
    return new TypeError("What was thrown can't be looked at");
  }
}

const refuseToSend: Send = () =>
  Promise.reject(
    new TypeError(
      "A worker has no connection to send to: send to a channel, this.channelLayer.send(CHANNEL, MESSAGE)",
    ),
  );
