import { listed, quoted } from "./printable.ts";

/** The root of every error of this library that a caller may want to catch. */
export abstract class ChannelsError extends Error {}

/** Thrown by `send()` and `sendMany()` when a channel already holds as much as it may. */
export class ChannelFullError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "ChannelFullError";

  /**
   * Makes the error.
   *
   * @param channel The channel that is full.
   * @param capacity How many messages it may hold.
   * @param accepted How many messages of this call it still took, the first ones; they will be delivered.
   * @param advice What the message says at its end.
   */
  constructor(
    readonly channel: string,
    readonly capacity: number,
    readonly accepted: number = 0,
    advice = "send later, or with waitForCapacity",
  ) {
    super(
      `Channel "${channel}" is full: it may hold ${capacity} messages` +
        (accepted > 0 ? `, and took the first ${accepted} of these` : "") +
        `; ${advice}`,
    );
  }
}

/** Thrown by `send()` and `sendMany()` when their `timeout` was over first. */
export class SendTimeoutError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "SendTimeoutError";

  /**
   * Makes the error.
   *
   * @param channel Where it should have gone.
   * @param timeout The time that it had, in milliseconds.
   * @param accepted How many messages of this call were sent, the first ones; they will be delivered.
   * @param outcomeUnknown Whether others were on their way: to send them again could deliver them twice.
   */
  constructor(
    readonly channel: string,
    readonly timeout: number,
    readonly accepted: number,
    readonly outcomeUnknown: boolean,
  ) {
    super(
      `Sending to "${channel}" took longer than ${timeout} ms: ` +
        (accepted > 0
          ? `the first ${accepted} were sent, and what follows `
          : "what was to be sent ") +
        (outcomeUnknown ? "may arrive all the same" : "never left"),
    );
  }
}

/** Thrown by the sending methods when a message is larger than what may travel. */
export class MessageTooLargeError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "MessageTooLargeError";

  /**
   * Makes the error.
   *
   * @param size The size of the message, in bytes.
   * @param limit The largest size that may travel, in bytes.
   * @param where Where it has that size, such as `" in memory"`; by default, encoded.
   */
  constructor(readonly size: number, readonly limit: number, where = "") {
    super(
      `Message of ${size} bytes${where} is too large: at most ${limit} bytes may travel; ` +
        "store the data elsewhere and send where it is",
    );
  }
}

/** Thrown when bytes that came over a layer are no message: they were taken out and dropped. */
export class UndecodableMessageError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "UndecodableMessageError";

  /**
   * Makes the error.
   *
   * @param reason What is wrong with the bytes.
   * @param options The `cause`: what the decoder threw.
   */
  constructor(readonly reason: string, options?: ErrorOptions) {
    super(`Message cannot be decoded: ${reason}`, options);
  }
}

/** Options of {@linkcode LayerUnavailableError} and {@linkcode LayerConfigurationError}. */
export interface LayerUnavailableErrorOptions extends ErrorOptions {
  /** Whether the server may have done what it was asked to. */
  readonly outcomeUnknown?: boolean;
}

/** Thrown when a layer can't be reached or used for now: trying again later may help. */
export class LayerUnavailableError extends ChannelsError {
  /** Survives minification. */
  override readonly name: string = "LayerUnavailableError";
  /**
   * Whether the server may have done what it was asked to, since only its answer is missing: to
   * send again could then deliver twice.
   */
  readonly outcomeUnknown: boolean;

  /**
   * Makes the error.
   *
   * @param layer The layer, its `url`.
   * @param reason What is wrong.
   * @param options The `cause`: what the engine threw, and `outcomeUnknown`, which is `false` by default.
   */
  constructor(
    readonly layer: string,
    readonly reason: string,
    options: LayerUnavailableErrorOptions = {},
  ) {
    super(`Layer ${layer} is not available: ${reason}`, options);
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

/** Whether a layer's call surely changed nothing: it may be made again, here or elsewhere. */
export function isSafeToRetry(error: unknown): error is LayerUnavailableError {
  return error instanceof LayerUnavailableError && !error.outcomeUnknown;
}

/** Thrown when a layer can't be used until a person mends something: waiting doesn't help. */
export class LayerConfigurationError extends ChannelsError {
  /** Survives minification. */
  override readonly name: string = "LayerConfigurationError";
  /** Whether a part of what the server was asked to do may be done, as with a group. */
  readonly outcomeUnknown: boolean;

  /**
   * Makes the error.
   *
   * @param layer The layer, its `url`.
   * @param reason What is wrong, and what mends it.
   * @param options The `cause`: what the engine threw, and `outcomeUnknown`, which is `false` by default.
   */
  constructor(
    readonly layer: string,
    readonly reason: string,
    options: LayerUnavailableErrorOptions = {},
  ) {
    super(`Layer ${layer} cannot be used: ${reason}`, options);
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

/** Whether a layer has surely not done what it was asked to, be it only for now. */
export function isRejection(error: unknown): boolean {
  return isSafeToRetry(error) || error instanceof LayerConfigurationError;
}

/** Thrown by the methods of a layer after its `close()`. */
export class LayerClosedError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "LayerClosedError";

  /**
   * Makes the error.
   *
   * @param layer The layer, its `url`.
   */
  constructor(readonly layer: string) {
    super(`Layer ${layer} is closed`);
  }
}

/** Thrown by a router that knows no application for a scope. */
export class NoRouteError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "NoRouteError";

  /**
   * Makes the error.
   *
   * @param what What the router looks at, such as `"channel"`.
   * @param asked What the scope has there.
   * @param known What the router has applications for.
   */
  constructor(readonly what: string, readonly asked: string, readonly known: readonly string[]) {
    super(`No application for ${what} ${quoted(asked)}: known are ${listed(known)}`);
  }
}

/** Thrown by a consumer that has no handler for an event. */
export class NoHandlerError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "NoHandlerError";

  /**
   * Makes the error.
   *
   * @param consumer The name of the consumer's class.
   * @param type The type of the event.
   * @param known The names of the handlers that the consumer has.
   */
  constructor(readonly consumer: string, readonly type: string, readonly known: readonly string[]) {
    super(
      `${consumer} has no handler for events of type ${quoted(type)}: ` +
        `it has ${listed(known) || "none"}`,
    );
  }
}

/** Thrown when a consumer's class can't be run on threads until a person mends something. */
export class ConsumerUnusableError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "ConsumerUnusableError";

  /**
   * Makes the error.
   *
   * @param consumer The name of the consumer's class.
   * @param reason What is wrong, and what mends it.
   * @param options The `cause`: what its module threw.
   */
  constructor(readonly consumer: string, readonly reason: string, options?: ErrorOptions) {
    super(`${consumer} cannot be run on threads: ${reason}`, options);
  }
}

/** Thrown when the thread that a handler ran on has come to its end. */
export class ThreadDiedError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "ThreadDiedError";

  /**
   * Makes the error.
   *
   * @param consumer The name of the consumer's class.
   * @param type The type of the event that was in hand.
   * @param reason What the thread died of.
   */
  constructor(readonly consumer: string, readonly type: string, readonly reason: string) {
    super(`The thread of ${consumer} died at an event of type ${quoted(type)}: ${reason}`);
  }
}

/** Thrown when a handler took longer than it may: its thread was ended. */
export class TimeLimitError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "TimeLimitError";

  /**
   * Makes the error.
   *
   * @param consumer The name of the consumer's class.
   * @param type The type of the event that was in hand.
   * @param timeLimit How long it might take, in milliseconds.
   */
  constructor(readonly consumer: string, readonly type: string, readonly timeLimit: number) {
    super(
      `${consumer} took longer than ${timeLimit} ms for an event of type ` +
        `${quoted(type)}: its thread was ended`,
    );
  }
}

/** What a pending or later `receive()` rejects with once the server has stopped the application. */
export class ServerStoppedError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "ServerStoppedError";

  /** Takes nothing: there is one reason only. */
  constructor() {
    super("The server has stopped: no more events will come");
  }
}

/** Thrown by `Worker.run()` when handlers still ran at the end of the shutdown time. */
export class ShutdownTimeoutError extends ChannelsError {
  /** Survives minification. */
  override readonly name = "ShutdownTimeoutError";

  /**
   * Makes the error.
   *
   * @param timeout The shutdown time, in milliseconds.
   * @param cutOff The events whose handlers were cut off, as `"channel/type"`.
   */
  constructor(readonly timeout: number, readonly cutOff: readonly string[]) {
    super(
      cutOff.length > 0
        ? `Handlers still running after ${timeout} ms were cut off: ${listed(cutOff)}`
        : `The layer has not taken back after ${timeout} ms what was not started`,
    );
  }
}
