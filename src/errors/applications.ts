import { listed, printable, quoted } from "../printable.ts";
import { ChannelsError } from "./base.ts";

/** Thrown by a router that has no application for a scope. */
export class NoRouteError extends ChannelsError {
  /** What the router selects by, such as `"channel"`. */
  declare readonly what: string;
  /** The value in the scope. */
  declare readonly requested: string;
  /** The values that the router has applications for. */
  declare readonly known: readonly string[];

  /** Creates the error from its fields. */
  constructor(facts: Pick<NoRouteError, "what" | "requested" | "known">) {
    const { what, requested, known } = facts;
    super(
      "NoRouteError",
      `No application for ${what} ${quoted(requested)}: known are ${listed(known)}`,
      facts,
    );
  }
}

/** Thrown by a consumer that has no handler for an event. */
export class NoHandlerError extends ChannelsError {
  /** The name of the consumer's class. */
  declare readonly consumer: string;
  /** The type of the event. */
  declare readonly type: string;
  /** The names of the consumer's handlers. */
  declare readonly known: readonly string[];

  /** Creates the error from its fields. */
  constructor(facts: Pick<NoHandlerError, "consumer" | "type" | "known">) {
    const { consumer, type, known } = facts;
    super(
      "NoHandlerError",
      `${consumer} has no handler for events of type ${quoted(type)}: ` +
        `it has ${listed(known) || "none"}`,
      facts,
    );
  }
}

/** Thrown by a consumer if the schema of a handler rejects an event. */
export class InvalidEventError extends ChannelsError {
  /** The name of the consumer's class. */
  declare readonly consumer: string;
  /** The type of the event. */
  declare readonly type: string;
  /** What is wrong, and where, such as `$.files[2].id`. */
  declare readonly issues: readonly { readonly path: string; readonly message: string }[];

  /** Creates the error from its fields. */
  constructor(facts: Pick<InvalidEventError, "consumer" | "type" | "issues">) {
    const { consumer, type, issues } = facts;
    const what = issues.map(({ path, message }) => `${path}: ${message}`).join("; ");
    const message = `${consumer} rejects an event of type ${quoted(type)}: ${printable(what, 500)}`;
    super("InvalidEventError", message, facts);
  }
}

/** Thrown if a consumer's class cannot run on threads until its code or settings are changed. */
export class ConsumerConfigurationError extends ChannelsError {
  /** The name of the consumer's class. */
  declare readonly consumer: string;
  /** What is wrong, and how to fix it. */
  declare readonly reason: string;

  /** Creates the error from its fields; the `cause` is the error of the module. */
  constructor(facts: Pick<ConsumerConfigurationError, "consumer" | "reason"> & ErrorOptions) {
    const { consumer, reason } = facts;
    super("ConsumerConfigurationError", `${consumer} cannot run on threads: ${reason}`, facts);
  }
}

/** Thrown if the thread of a handler exits, or is terminated because the handler exceeds its time limit. */
export class ThreadError extends ChannelsError {
  /** The name of the consumer's class. */
  declare readonly consumer: string;
  /** The type of the event that was being handled. */
  declare readonly type: string;
  /** Why the thread exited. */
  declare readonly reason: string;
  /** The time limit that the handler exceeded, in milliseconds, if this is the reason. */
  declare readonly timeLimit: number | undefined;

  /** Creates the error from its fields. */
  constructor(
    facts: Pick<ThreadError, "consumer" | "type" | "reason"> & { readonly timeLimit?: number },
  ) {
    const { consumer, type, reason, timeLimit } = facts;
    const event = `an event of type ${quoted(type)}`;
    const message = `The thread of ${consumer} exited while it handled ${event}: ${reason}`;
    super("ThreadError", message, { consumer, type, reason, timeLimit });
  }
}

/** Thrown by `Worker.run()` if handlers are still running at the end of the shutdown timeout. */
export class ShutdownTimeoutError extends ChannelsError {
  /** The shutdown timeout, in milliseconds. */
  declare readonly timeout: number;
  /** The events whose handlers were interrupted, as `"channel/type"`. */
  declare readonly interrupted: readonly string[];

  /** Creates the error from its fields. */
  constructor(facts: Pick<ShutdownTimeoutError, "timeout" | "interrupted">) {
    const { timeout, interrupted } = facts;
    super(
      "ShutdownTimeoutError",
      interrupted.length > 0
        ? `Handlers still running after ${timeout} ms were interrupted: ${listed(interrupted)}`
        : `Unstarted events could not be requeued within ${timeout} ms`,
      facts,
    );
  }
}

/** The rejection of `receive()` after the server has stopped. Internal: applications clean up in `finally`. */
export class ServerStoppedError extends ChannelsError {
  /** Creates the error. */
  constructor() {
    super("ServerStoppedError", "The server has stopped: no more events will arrive");
  }
}

/** Thrown by the `send()` of a connection that has ended. Servers do not log it. */
export class ConnectionClosedError extends ChannelsError {
  /** Creates the error from its fields; `what` is what has ended, such as `"The client has disconnected"`. */
  constructor(facts: { readonly what: string }) {
    super("ConnectionClosedError", `${facts.what}: nothing more can be sent`);
  }
}

/** Thrown by `serve()` if the application reports that it cannot start, or cannot shut down cleanly. */
export class LifespanError extends ChannelsError {
  /** What the application could not do. */
  declare readonly phase: "startup" | "shutdown";
  /** The reason that the application gave. */
  declare readonly reason: string;

  /** Creates the error from its fields; the `cause` is the error that the application threw. */
  constructor(facts: Pick<LifespanError, "phase" | "reason"> & ErrorOptions) {
    const { phase, reason } = facts;
    super("LifespanError", `The application failed at ${phase}: ${printable(reason, 500)}`, facts);
  }
}
