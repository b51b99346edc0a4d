import { ChannelsError, LifespanError } from "../errors/mod.ts";
import type { AnyApplication, AnyReceive, Incoming, LifespanScope, Send } from "../protocol/mod.ts";
import { readMessage, rejectType, type Untrusted } from "./messages.ts";
import type { ServerSettings } from "./options.ts";

type Phase = LifespanError["phase"];

/**
 * The lifespan of an application. An application that ends before it has replied does not support it.
 *
 * Phases: `startup` → `shutdown` (by `lifespan.startup.complete`).
 */
export class Lifespan {
  readonly #application: AnyApplication;
  readonly #settings: ServerSettings;
  readonly #scope: LifespanScope = {
    type: "lifespan",
    asgi: { version: "3.0", spec_version: "2.0" },
    state: {},
  };
  readonly #startup = Promise.withResolvers<void>();
  readonly #shutdown = Promise.withResolvers<void>();
  /** Resolves when the server shuts down. */
  readonly #isStopping = Promise.withResolvers<void>();
  #phase: Phase = "startup";
  #isSupported = false;
  #refused: unknown;
  #received = 0;

  constructor(application: AnyApplication, settings: ServerSettings) {
    this.#application = application;
    this.#settings = settings;
    this.#startup.promise.catch(() => {});
    this.#shutdown.promise.catch(() => {});
  }

  /** What the application shares with its requests; `undefined` if it has no lifespan. */
  get state(): Readonly<Record<string, unknown>> | undefined {
    return this.#isSupported ? this.#scope.state : undefined;
  }

  /** What the application has to do next. */
  get phase(): Phase {
    return this.#phase;
  }

  /**
   * Starts the application, and waits until it has started.
   *
   * @throws {LifespanError} If it reports that it cannot start.
   */
  async start(): Promise<void> {
    this.#isSupported = true;
    this.#run();
    await this.#startup.promise;
  }

  /**
   * Lets the application clean up, and waits until it has.
   *
   * @throws {LifespanError} If it reports that it cannot shut down cleanly.
   */
  async stop(): Promise<void> {
    if (!this.#isSupported) return;
    this.#isStopping.resolve();
    await this.#shutdown.promise;
  }

  async #run(): Promise<void> {
    try {
      await this.#application(this.#scope, this.#receive as AnyReceive, this.#send);
      this.#ended();
    } catch (error) {
      this.#ended(error);
    }
  }

  readonly #receive = async (): Promise<Incoming<LifespanScope>> => {
    if (this.#received++ === 0) return { type: "lifespan.startup" };
    await this.#isStopping.promise;
    if (this.#received++ === 2) return { type: "lifespan.shutdown" };
    return await new Promise(() => {});
  };

  // deno-lint-ignore require-await
  readonly #send: Send = async (message) => {
    const phase = this.#phase;
    const untrusted = readMessage(message);
    const { type } = untrusted;
    const { resolve, reject } = phase === "startup" ? this.#startup : this.#shutdown;
    if (type === `lifespan.${phase}.complete`) {
      this.#phase = "shutdown";
      resolve();
    } else if (type === `lifespan.${phase}.failed`) {
      this.#isSupported = false;
      reject(new LifespanError({ phase, reason: String(untrusted.message ?? "") }));
    } else this.#refuse(untrusted);
  };

  #refuse(message: Untrusted): never {
    try {
      rejectType(message, `lifespan.${this.#phase}.complete or lifespan.${this.#phase}.failed`);
    } catch (error) {
      this.#refused = error;
      throw error;
    }
  }

  /** The application has ended: if it had not replied, it does not support the lifespan. */
  #ended(error?: unknown): void {
    if (this.#phase === "startup") this.#isSupported = false;
    // Its own errors, or messages of another protocol, show that it does not know the lifespan.
    const isExpected = error === undefined || error instanceof ChannelsError ||
      error === this.#refused;
    if (!isExpected) {
      const message = `The application failed at ${this.#phase}`;
      this.#settings.log({ level: "warn", message, error });
    }
    this.#startup.resolve();
    this.#shutdown.resolve();
  }
}
