import { EventQueue } from "../async.ts";
import { ServerStoppedError } from "../errors/mod.ts";
import { ServerResources } from "../protocol/internal.ts";
import type { HandlesEvents } from "../protocol/internal.ts";
import type {
  AnyApplication,
  AnyMessage,
  AnyReceive,
  Message,
  Receive,
  Scope,
  Send,
} from "../protocol/mod.ts";

/** How long the threads of an application may take to start, in milliseconds. */
const START_TIMEOUT = 120_000;

/** Options for the methods of {@linkcode ApplicationCommunicator} that wait. */
export interface CommunicatorWaitOptions {
  /**
   * How long to wait at most, in milliseconds. Each method documents its default. The time in which
   * the application starts its threads does not count.
   */
  readonly timeout?: number;
}

/**
 * Runs an application in a test, in place of a server: passes events to its `receive()`, and returns
 * the messages that it sends.
 *
 * States: `idle` → `running` (at first use) → `ended` (when the application returns or throws).
 *
 * @typeParam S The scope of the application.
 * @typeParam E The events that the application handles, which the compiler checks: by default, those of
 * its consumers, and any for a function.
 *
 * @example Usage
 * ```ts
 * import type { Application, ChannelScope } from "@asgi/channels";
 * import { ApplicationCommunicator } from "@asgi/channels/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const echo: Application<ChannelScope> = async (_scope, receive, send) => {
 *   for (;;) await send(await receive());
 * };
 *
 * const scope = { type: "channel", channel: "letters" } as const;
 * await using communicator = new ApplicationCommunicator(echo, scope);
 * await communicator.sendInput({ type: "letter.sent", text: "Hello" });
 * assertEquals(await communicator.receiveOutput(), { type: "letter.sent", text: "Hello" });
 * assertEquals(await communicator.receiveNothing(), true);
 * ```
 */
export class ApplicationCommunicator<
  S extends Scope = Scope,
  E extends AnyMessage = AnyMessage,
> implements AsyncDisposable {
  readonly #application: AnyApplication<S>;
  readonly #scope: S;
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #queue = new EventQueue<Message>({
    next: () => this.#isStopped ? undefined : this.#inputs.shift(),
    stopped: () => new ServerStoppedError(),
    onEnd: () => this.#end(),
  });
  readonly #watchers = new Set<() => void>();
  readonly #resources = new ServerResources();
  #state: "idle" | "running" | "ended" = "idle";
  #failure: { readonly error: unknown } | undefined;
  #isFailureThrown = false;
  #isStopped = false;

  /**
   * Creates a communicator. The application is started when the communicator is first used.
   *
   * @param application The application to test.
   * @param scope The scope to call it with.
   */
  constructor(application: AnyApplication<S> & HandlesEvents<E>, scope: S) {
    this.#application = application;
    this.#scope = scope;
  }

  /**
   * Passes an event to the application. Events are queued until the application receives them.
   *
   * @param message The event.
   * @returns A promise that resolves immediately.
   */
  sendInput(message: E): Promise<void> {
    this.#start();
    const event = message as Message;
    if (this.#queue.isWaiting) this.#queue.give(event);
    else this.#inputs.push(event);
    return Promise.resolve();
  }

  /**
   * Returns the next message that the application has sent, or waits for it.
   *
   * @param options How long to wait: 1000 ms by default.
   * @returns The message.
   * @throws {DOMException} Named `TimeoutError`, if no message is sent in time.
   * @throws {RangeError} If the timeout is not in its range.
   * @throws The error of the application, after all messages that it sent before have been returned.
   */
  async receiveOutput(options: CommunicatorWaitOptions = {}): Promise<Message> {
    const { timeout = 1000 } = options;
    const output = await this.#watch(timeout, () => this.#outputs.shift());
    return output ?? this.#throwTimeout("a message from the application", timeout);
  }

  /**
   * Returns whether the application sends no message for a while. A message that it does send can
   * still be received.
   *
   * @param options How long to wait: 100 ms by default.
   * @returns `false` as soon as there is a message, `true` if there is none in time.
   * @throws {RangeError} If the timeout is not in its range.
   * @throws The error of the application, if it has sent no message before.
   */
  async receiveNothing(options: CommunicatorWaitOptions = {}): Promise<boolean> {
    const { timeout = 100 } = options;
    const output = await this.#watch(timeout, () => this.#outputs[0]);
    return output === undefined;
  }

  /**
   * Waits until the application returns.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the application does not return in time.
   * @throws {RangeError} If the timeout is not in its range.
   * @throws The error of the application.
   */
  async wait(options: CommunicatorWaitOptions = {}): Promise<void> {
    const { timeout = 1000 } = options;
    const ended = await this.#watch(timeout, () => this.#hasReturned || undefined);
    if (!ended) this.#throwTimeout("the end of the application", timeout);
  }

  /**
   * Stops the application as a server does, and waits until it ends: its pending or next `receive()`
   * rejects. Events that it has not received are discarded. An application that ignores the
   * rejection and calls `receive()` again counts as ended. Calling `stop()` again has no effect.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, if the application does not end in time.
   * @throws {RangeError} If the timeout is not in its range.
   * @throws The error of the application, unless another method has already thrown it.
   */
  async stop(options: CommunicatorWaitOptions = {}): Promise<void> {
    this.#isStopped = true;
    this.#queue.stop();
    if (this.#state !== "idle" && !this.#isFailureThrown) await this.wait(options);
  }

  /** Calls {@linkcode ApplicationCommunicator.stop} at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #hasReturned(): boolean {
    return this.#state === "ended" && !this.#failure;
  }

  #start(): void {
    if (this.#state !== "idle") return;
    this.#state = "running";
    this.#run();
  }

  async #run(): Promise<void> {
    const application = this.#resources.provide(this.#application);
    let failure: { readonly error: unknown } | undefined;
    try {
      await application(this.#scope, this.#receive as AnyReceive, this.#send);
    } catch (error) {
      const isExpected = this.#isStopped && error instanceof ServerStoppedError;
      if (!isExpected) failure = { error };
    }
    await this.#end(failure);
  }

  readonly #receive: Receive = () => this.#queue.receive();

  readonly #send: Send = (message) => {
    this.#outputs.push(message as Message);
    this.#notify();
    return Promise.resolve();
  };

  /** Ends the communicator, once the threads that the application has started have exited. */
  async #end(failure?: { readonly error: unknown }): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
    this.#failure = failure;
    this.#state = "ended";
    this.#notify();
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Starts the application, and waits for a result, an error of the application, or the timeout. */
  async #watch<T>(timeout: number, look: () => T | undefined): Promise<T | undefined> {
    if (!(timeout >= 0 && timeout < 2 ** 31)) {
      throw new RangeError(
        `timeout must be a number of milliseconds from 0 to ${2 ** 31 - 1}, got ${timeout}`,
      );
    }
    this.#start();
    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    const watcher = () => {
      const seen = look();
      if (seen === undefined && !this.#failure) return;
      this.#watchers.delete(watcher);
      resolve(seen);
    };
    this.#watchers.add(watcher);
    using _timer = this.#afterTimeout(timeout, () => resolve(undefined));
    watcher();
    const seen = await promise;
    this.#watchers.delete(watcher);
    if (seen === undefined) this.#throwFailure();
    return seen;
  }

  /** Calls back after a timeout, which begins once the threads of the application have started. */
  #afterTimeout(timeout: number, callback: () => void): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isDisposed = false;
    const begin = () => {
      clearTimeout(timer);
      if (isDisposed) return;
      const { starting } = this.#resources;
      timer = starting ? setTimeout(callback, START_TIMEOUT) : setTimeout(expire, timeout);
      starting?.then(begin);
    };
    // A wrapped application may start its threads while the timeout runs.
    const expire = () => this.#resources.starting ? begin() : callback();
    begin();
    return {
      [Symbol.dispose]() {
        isDisposed = true;
        clearTimeout(timer);
      },
    };
  }

  #throwFailure(): void {
    if (!this.#failure) return;
    this.#isFailureThrown = true;
    throw this.#failure.error;
  }

  #throwTimeout(what: string, timeout: number): never {
    const state = this.#state === "ended" ? "has ended" : "is still running";
    throw new DOMException(`Waited ${timeout} ms for ${what}, which ${state}`, "TimeoutError");
  }
}
