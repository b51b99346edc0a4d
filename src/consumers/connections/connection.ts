import { ConnectionClosedError, InvalidEventError, NoHandlerError } from "../../errors/mod.ts";
import { leavesGroups, reportDrop } from "../../layers/internal.ts";
import type { AnyMessage, Message, Scope } from "../../protocol/mod.ts";
import type { BaseConsumer, ConsumerRun } from "../base_consumer.ts";
import { StopConsumer } from "../stop_consumer.ts";

/**
 * Returns a promise that a handler need not await: the end of the connection does not cause an
 * unhandled rejection, which would end the process.
 */
export function ignorable(sent: Promise<void>): Promise<void> {
  const result = sent.finally(() => {});
  sent.catch((error) => {
    if (error instanceof ConnectionClosedError) result.catch(() => {});
  });
  return result;
}

/**
 * Returns the connection of a running consumer.
 *
 * @throws {TypeError} If there is none yet.
 */
export function begun<M extends AnyMessage>(connection: Connection<M> | undefined): Connection<M> {
  if (connection) return connection;
  throw new TypeError("Nothing can be sent before asAsgi() runs the consumer");
}

/** The handlers of events of the layer never have the names of the server's events. */
export const SERVER_EVENTS = /^(?:http|websocket)_/;

/** What a {@linkcode Connection} needs of its consumer. */
export interface ConnectionParts {
  /** The consumer. */
  readonly consumer: BaseConsumer<Scope> & { readonly groups: readonly string[] };
  /** The run of the consumer. */
  readonly run: ConsumerRun;
  /** Handles an event of the server. */
  readonly handle: (event: Message) => Promise<void>;
  /** Returns whether the application has nothing left to do. */
  readonly isComplete?: () => boolean;
  /** Called once after the end, with the error of a handler, if there is one. */
  readonly disconnect: (error?: unknown) => void | Promise<void>;
}

/**
 * The connection of a consumer: joins and leaves its groups, sends to its client, and survives invalid
 * events of the layer.
 *
 * States: `idle` → `begun` (the first handler is called) → `ended` (by the server, or by an error).
 *
 * @typeParam M The messages that can be sent.
 */
export class Connection<M extends AnyMessage> {
  readonly #parts: ConnectionParts;
  #pending = 0;
  /** Resolved when all messages are sent, or a handler has thrown. */
  #idle: PromiseWithResolvers<void> | undefined;
  #hasFailed = false;
  #leaveGroups: () => Promise<unknown> = () => Promise.resolve();
  #hasBegun = false;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /**
   * Sends a message to the client. Events of the layer wait until it is sent, even if the handler does
   * not.
   */
  send(message: M): Promise<void> {
    const sent: Promise<void> = this.#send(message, () => sent.catch(() => {}));
    return sent;
  }

  /** @param ignore Called if the connection has ended: that must not be an unhandled rejection. */
  async #send(message: M, ignore: () => void): Promise<void> {
    this.#pending++;
    try {
      await this.#parts.run.send(message);
    } catch (error) {
      if (error instanceof ConnectionClosedError) ignore();
      throw error;
    } finally {
      if (--this.#pending === 0) this.#idle?.resolve();
    }
  }

  /** Joins the groups of the consumer, then calls its first handler. */
  async begin(first: () => unknown): Promise<void> {
    await this.#joinGroups();
    this.#hasBegun = true;
    await first();
  }

  /**
   * Handles all events until the connection ends, leaves the groups, and calls `disconnect()` if the
   * first handler has been called.
   *
   * @throws What a handler or the layer throws.
   */
  async run(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    try {
      await this.#handleEvents();
    } catch (error) {
      failure = { error };
    }
    await this.#leaveGroups();
    try {
      if (this.#hasBegun) await this.#parts.disconnect(failure?.error);
    } catch (error) {
      failure ??= { error };
    }
    if (failure) throw failure.error;
  }

  async #handleEvents(): Promise<void> {
    await this.#parts.run.handleEvents({
      dispatch: (event) => this.#attempt(this.#parts.handle(event)),
      dispatchLocal: this.#dispatchLocal,
    });
    await this.#untilSent();
  }

  async #attempt(handling: Promise<void>): Promise<void> {
    try {
      await handling;
    } catch (error) {
      this.#failed(error);
    }
    if (this.#parts.isComplete?.()) throw new StopConsumer();
  }

  /** Other programs send the events of the layer: an invalid one is dropped. */
  readonly #dispatchLocal = async (event: Message): Promise<void> => {
    if (this.#pending > 0) await this.#untilSent();
    try {
      if (typeof event.type === "string") await this.#parts.consumer.dispatch(event);
      else this.#drop(`its type must be a string, got ${typeof event.type}`);
    } catch (error) {
      const isInvalid = error instanceof NoHandlerError || error instanceof InvalidEventError;
      if (isInvalid) this.#drop(error.message);
      else this.#failed(error);
    }
    if (this.#parts.isComplete?.()) throw new StopConsumer();
  };

  /** A connection that closes while a handler runs ends with the event of the server that follows. */
  #failed(error: unknown): void {
    if (error instanceof ConnectionClosedError) return;
    this.#hasFailed = true;
    this.#idle?.resolve();
    throw error;
  }

  /** Waits until all messages are sent; after an error of a handler, the server closes the connection. */
  async #untilSent(): Promise<void> {
    while (this.#pending > 0 && !this.#hasFailed) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  #drop(reason: string): void {
    const { channelLayer, channelName } = this.#parts.consumer;
    reportDrop(channelLayer, channelName, reason);
  }

  async #joinGroups(): Promise<void> {
    const { consumer } = this.#parts;
    const groups = [...new Set(consumer.groups)];
    if (groups.length === 0) return;
    const { channelLayer, channelName } = consumer;
    if (!leavesGroups(channelLayer)) {
      this.#leaveGroups = () =>
        Promise.allSettled(groups.map((group) => channelLayer.groupDiscard(group, channelName)));
    }
    await Promise.all(groups.map((group) => channelLayer.groupAdd(group, channelName)));
  }
}
