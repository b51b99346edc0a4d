import { ChannelsError } from "./base.ts";

/** Thrown by `send()` and `sendMany()` if the channel is full. */
export class ChannelFullError extends ChannelsError {
  /** The full channel. */
  declare readonly channel: string;
  /** The capacity of the channel, in messages. */
  declare readonly capacity: number;
  /** How many messages of this call were accepted: the first ones. They will be delivered. */
  declare readonly accepted: number;

  /** Creates the error from its fields; `advice` is the end of the message. */
  constructor(facts: {
    readonly channel: string;
    readonly capacity: number;
    readonly accepted?: number;
    readonly advice?: string;
  }) {
    const { channel, capacity, accepted = 0, advice = "retry later or set waitForCapacity" } =
      facts;
    const part = accepted > 0 ? `; only the first ${accepted} messages were accepted` : "";
    super(
      "ChannelFullError",
      `Channel "${channel}" is full: its capacity is ${capacity} messages${part}; ${advice}`,
      { channel, capacity, accepted },
    );
  }
}

/** Thrown by `send()` and `sendMany()` if their `timeout` elapses first. */
export class SendTimeoutError extends ChannelsError {
  /** The channel that the messages were sent to. */
  declare readonly channel: string;
  /** The timeout, in milliseconds. */
  declare readonly timeout: number;
  /** How many messages of this call were sent: the first ones. They will be delivered. */
  declare readonly accepted: number;
  /** Whether more of them may have been sent: sending them again could deliver them twice. */
  declare readonly outcomeUnknown: boolean;

  /** Creates the error from its fields. */
  constructor(
    facts: Pick<SendTimeoutError, "channel" | "timeout" | "accepted" | "outcomeUnknown">,
  ) {
    const { channel, timeout, accepted, outcomeUnknown } = facts;
    const what = accepted > 0 ? `the first ${accepted} were sent; the rest ` : "the message ";
    super(
      "SendTimeoutError",
      `Sending to "${channel}" took longer than ${timeout} ms: ${what}` +
        (outcomeUnknown ? "may have been sent" : "was not sent"),
      facts,
    );
  }
}

/** Thrown by the sending methods if a message is too large. */
export class MessageTooLargeError extends ChannelsError {
  /** The size of the message, in bytes. */
  declare readonly size: number;
  /** The maximum size, in bytes. */
  declare readonly limit: number;

  /** Creates the error from its fields; `where` is where the message has that size, such as `"in memory"`. */
  constructor(facts: Pick<MessageTooLargeError, "size" | "limit"> & { readonly where?: string }) {
    const { size, limit, where = "encoded" } = facts;
    super(
      "MessageTooLargeError",
      `Message of ${size} bytes ${where} is too large: the maximum is ${limit} bytes; ` +
        "store the data elsewhere and send a reference",
      { size, limit },
    );
  }
}

/** Thrown if received bytes are not a valid message. They have been removed from the channel. */
export class UndecodableMessageError extends ChannelsError {
  /** What is wrong with the bytes. */
  declare readonly reason: string;

  /** Creates the error from its fields; the `cause` is the decoder's error. */
  constructor(facts: Pick<UndecodableMessageError, "reason"> & ErrorOptions) {
    super("UndecodableMessageError", `Message cannot be decoded: ${facts.reason}`, facts);
  }
}

/** Options for the errors of a layer: the `cause`, and whether the operation may have been carried out. */
export interface OutcomeOptions extends ErrorOptions {
  /**
   * The `outcomeUnknown` of the error.
   *
   * @default {false}
   */
  readonly outcomeUnknown?: boolean;
}

/** Thrown if a layer is temporarily unavailable: retrying later may help. */
export class LayerUnavailableError extends ChannelsError {
  /** The `url` of the layer. */
  declare readonly layer: string;
  /** What is wrong. */
  declare readonly reason: string;
  /**
   * Whether the operation may have been carried out, because only the reply is missing: sending
   * again could deliver twice.
   */
  declare readonly outcomeUnknown: boolean;

  /** Creates the error from its fields; the `cause` is the backend's error. */
  constructor(facts: Pick<LayerUnavailableError, "layer" | "reason"> & OutcomeOptions) {
    const { layer, reason, outcomeUnknown = false } = facts;
    super(
      "LayerUnavailableError",
      `Layer ${layer} is not available: ${reason}`,
      { ...facts, outcomeUnknown },
    );
  }
}

/** Thrown if a layer cannot be used until its configuration is changed: retrying does not help. */
export class LayerConfigurationError extends ChannelsError {
  /** The `url` of the layer. */
  declare readonly layer: string;
  /** What is wrong, and how to fix it. */
  declare readonly reason: string;
  /** Whether part of the operation may have been carried out, such as for some channels of a group. */
  declare readonly outcomeUnknown: boolean;

  /** Creates the error from its fields; the `cause` is the backend's error. */
  constructor(facts: Pick<LayerConfigurationError, "layer" | "reason"> & OutcomeOptions) {
    const { layer, reason, outcomeUnknown = false } = facts;
    super(
      "LayerConfigurationError",
      `Layer ${layer} cannot be used: ${reason}`,
      { ...facts, outcomeUnknown },
    );
  }
}

/** Returns whether an operation of a layer has certainly changed nothing, and can be retried. */
export function isSafeToRetry(error: unknown): error is LayerUnavailableError {
  return error instanceof LayerUnavailableError && !error.outcomeUnknown;
}

/** Returns whether an operation of a layer has certainly changed nothing, whether or not a retry helps. */
export function isRejection(error: unknown): boolean {
  return isSafeToRetry(error) || error instanceof LayerConfigurationError;
}

/** Thrown by the methods of a layer after its `close()`. */
export class LayerClosedError extends ChannelsError {
  /** The `url` of the layer. */
  declare readonly layer: string;

  /** Creates the error from its field. */
  constructor(facts: Pick<LayerClosedError, "layer">) {
    super("LayerClosedError", `Layer ${facts.layer} is closed`, facts);
  }
}
