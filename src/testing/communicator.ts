import { ServerStoppedError } from "../errors.ts";
import { ServerResources } from "../protocol/internal.ts";
import type { Application, Message, Receive, Scope, Send } from "../protocol/mod.ts";

/** How long the threads of an application may take to start, in milliseconds. */
const START_TIMEOUT = 120_000;

/** Options of the methods of {@linkcode ApplicationCommunicator} that wait. */
export interface CommunicatorWaitOptions {
  /**
   * How long to wait at most, in milliseconds; each method says its default. The time in which the
   * application starts its threads does not count.
   */
  readonly timeout?: number;
}

/**
 * Plays the server to an application: gives it its scope and its events, and takes what it sends.
 *
 * States: `idle` → `running` (at first use) → `ended` (when the application returns or throws).
 * `stop()` rejects what the application waits for, so that it can come to its end.
 *
 * @typeParam S The scope that the application takes.
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
export class ApplicationCommunicator<S extends Scope = Scope> implements AsyncDisposable {
  readonly #application: Application<S>;
  readonly #scope: S;
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #receivers: PromiseWithResolvers<Message>[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #resources = new ServerResources();
  #state: "idle" | "running" | "ended" = "idle";
  #failure: { readonly error: unknown } | undefined;
  #isFailureTold = false;
  #isStopped = false;
  #isRefused = false;

  /**
   * Takes the application; it is started at first use.
   *
   * @param application What to talk to.
   * @param scope What to tell it about its surroundings.
   */
  constructor(application: Application<S>, scope: S) {
    this.#application = application;
    this.#scope = scope;
  }

  /**
   * Gives the application an event. Those that it doesn't ask for yet wait for it.
   *
   * @param message The event.
   */
  sendInput(message: Message): Promise<void> {
    this.#start();
    const receiver = this.#receivers.shift();
    if (receiver) receiver.resolve(message);
    else this.#inputs.push(message);
    return Promise.resolve();
  }

  /**
   * Takes the next message that the application has sent, or waits for it.
   *
   * @param options How long to wait: 1000 ms by default.
   * @returns The message.
   * @throws {DOMException} Named `TimeoutError`, when none came in that time.
   * @throws What the application threw, once all that it sent before was taken.
   */
  async receiveOutput(options: CommunicatorWaitOptions = {}): Promise<Message> {
    const { timeout = 1000 } = options;
    const output = await this.#watch(timeout, () => this.#outputs.shift());
    return output ?? this.#throwTimeout("a message from the application", timeout);
  }

  /**
   * Tells whether the application sends nothing for a while. What it sends can be received later.
   *
   * @param options How long to wait: 100 ms by default.
   * @returns `false` as soon as there is a message.
   * @throws What the application threw, if it sent nothing before.
   */
  async receiveNothing(options: CommunicatorWaitOptions = {}): Promise<boolean> {
    const { timeout = 100 } = options;
    const output = await this.#watch(timeout, () => this.#outputs[0]);
    return output === undefined;
  }

  /**
   * Waits until the application has come to its end by itself.
   *
   * @param options How long to wait: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, when it didn't end in that time.
   * @throws What the application threw.
   */
  async wait(options: CommunicatorWaitOptions = {}): Promise<void> {
    const { timeout = 1000 } = options;
    const ended = await this.#watch(timeout, () => this.#hasEndedWell || undefined);
    if (!ended) this.#throwTimeout("the end of the application", timeout);
  }

  /**
   * Stops the server's part: a `receive()` that pends or comes later rejects with a
   * {@linkcode ServerStoppedError}, and the application may come to its end. One that goes on
   * asking has ended as well. Stopping twice does no harm.
   *
   * @param options How long the application may take: 1000 ms by default.
   * @throws {DOMException} Named `TimeoutError`, when it didn't end in that time.
   * @throws What the application threw, unless another method has told it before.
   */
  async stop(options: CommunicatorWaitOptions = {}): Promise<void> {
    this.#isStopped = true;
    if (this.#receivers.length > 0) this.#isRefused = true;
    for (const { reject } of this.#receivers.splice(0)) reject(new ServerStoppedError());
    if (this.#state !== "idle" && !this.#isFailureTold) await this.wait(options);
  }

  /** Stops at the end of an `await using` block, see {@linkcode ApplicationCommunicator.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #hasEndedWell(): boolean {
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
      await application(this.#scope, this.#receive, this.#send);
    } catch (error) {
      const isAnswerToStop = this.#isStopped && error instanceof ServerStoppedError;
      if (!isAnswerToStop) failure = { error };
    }
    await this.#end(failure);
  }

  readonly #receive: Receive = () => {
    const input = this.#isStopped ? undefined : this.#inputs.shift();
    if (input) return Promise.resolve(input);
    if (this.#isStopped) return this.#refuse();
    const receiver = Promise.withResolvers<Message>();
    this.#receivers.push(receiver);
    return receiver.promise;
  };

  readonly #send: Send = (message) => {
    this.#outputs.push(message);
    this.#notify();
    return Promise.resolve();
  };

  /** Rejects once; one that goes on asking would else spin for ever. */
  #refuse(): Promise<Message> {
    if (this.#isRefused) {
      this.#end();
      return new Promise(() => {});
    }
    this.#isRefused = true;
    return Promise.reject(new ServerStoppedError());
  }

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

  /** Starts the application, and waits until there is something, it has failed, or time is up. */
  async #watch<T>(timeout: number, look: () => T | undefined): Promise<T | undefined> {
    if (!(timeout >= 0 && timeout < 2 ** 31)) {
      throw new RangeError(`timeout must be milliseconds, not negative: ${timeout}`);
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
    this.#isFailureTold = true;
    throw this.#failure.error;
  }

  #throwTimeout(what: string, timeout: number): never {
    const state = this.#state === "ended" ? "has ended" : "still runs";
    throw new DOMException(`Waited ${timeout} ms for ${what}, which ${state}`, "TimeoutError");
  }
}
