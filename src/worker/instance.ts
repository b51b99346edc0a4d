import { EventQueue, type EventQueueOptions } from "../async.ts";
import { ServerStoppedError } from "../errors/mod.ts";
import type { AnyApplication, AnyReceive, ChannelScope, Message, Send } from "../protocol/mod.ts";

/** What an instance needs of the runner that started it. */
export interface InstanceOwner {
  /** Called when the event in flight has been handled; the duration is in milliseconds. */
  finished(duration: number): void;
  /** Returns the next event, if there is one now; otherwise it is passed to `give()` later. */
  next(): Message | undefined;
  /** Called when the application has returned or thrown. */
  ended(instance: Instance, failure: { readonly error: unknown } | undefined): void;
}

/**
 * One run of the application for a channel. It has one event in flight: from the `receive()` that
 * returns the event until the next `receive()`.
 *
 * States: `handling` (an event is in flight) → `waiting` (a `receive()` is pending) → `handling` ...
 * → ended.
 */
export class Instance implements EventQueueOptions<Message> {
  readonly #owner: InstanceOwner;
  // The instance is the options object: an application that returns after each event would
  // otherwise cost several closures an event.
  readonly #queue: EventQueue<Message> = new EventQueue(this);
  #first: Message | undefined;
  #current: Message | undefined;
  #since = performance.now();

  /** @param first The event that the instance is started for. It is in flight immediately. */
  constructor(owner: InstanceOwner, first: Message) {
    this.#owner = owner;
    this.#first = this.#current = first;
  }

  /** The event in flight. */
  get current(): Message | undefined {
    return this.#current;
  }

  /** How long the event has been in flight, in milliseconds. */
  get age(): number {
    return performance.now() - this.#since;
  }

  /** Whether a `receive()` is pending. */
  get isWaiting(): boolean {
    return this.#queue.isWaiting;
  }

  /** Whether the application never received the event that it was started for. */
  get hasIgnoredFirst(): boolean {
    return this.#first !== undefined;
  }

  /** Runs the application until it returns or throws. */
  async run(application: AnyApplication<ChannelScope>, scope: ChannelScope): Promise<void> {
    try {
      await application(scope, (() => this.#queue.receive()) as AnyReceive, rejectSend);
      this.#owner.ended(this, undefined);
    } catch (thrown) {
      const error = inspectable(thrown);
      this.#owner.ended(this, error instanceof ServerStoppedError ? undefined : { error });
    }
  }

  /** Resolves the pending `receive()`: the event that was in flight, if any, has been handled. */
  give(event: Message): void {
    this.#finish();
    this.#current = event;
    this.#queue.give(event);
  }

  /** Rejects `receive()` as soon as there is no event left. */
  stop(): void {
    this.#queue.stop();
  }

  next(): Message | undefined {
    const first = this.#first;
    if (first) {
      this.#first = undefined;
      return first;
    }
    this.#finish();
    return this.#current = this.#owner.next();
  }

  stopped(): Error {
    return new ServerStoppedError();
  }

  onEnd(): void {
    this.#owner.ended(this, undefined);
  }

  /** The end of one event is the start of the next: the clock is read once. */
  #finish(): void {
    const now = performance.now();
    if (this.#current) this.#owner.finished(now - this.#since);
    this.#current = undefined;
    this.#since = now;
  }
}

/** An application can throw anything, even an object that throws when it is inspected. */
function inspectable(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error);
    return thrown;
  } catch {
    return new TypeError("The application threw a value that cannot be inspected");
  }
}

const rejectSend: Send = () =>
  Promise.reject(
    new TypeError(
      "A worker has no client to send to; " +
        "send to a channel: this.channelLayer.send(CHANNEL, MESSAGE)",
    ),
  );
