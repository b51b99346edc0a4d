import { ConnectionClosedError, NoRouteError } from "../errors/mod.ts";
import type { AnyApplication } from "../protocol/mod.ts";
import type { ServerSettings } from "./options.ts";
import { plainResponse, type ResponseWriter } from "./response_writer.ts";
import type { RequestContext } from "./scope.ts";

/** One call of the application: for an HTTP request, or for a WebSocket. */
export interface Exchange {
  /** The method and the path, for logs and errors. */
  readonly name: string;
  /** The response to the request; it never rejects. */
  readonly response: Promise<Response>;
  /** Resolves when the client knows the end of its connection, if it has one of its own. */
  readonly closed: Promise<void>;
  /** Calls the application. */
  run(application: AnyApplication): Promise<void>;
  /**
   * Ends the exchange after the application has returned or thrown.
   *
   * @returns What is wrong with how it ended, if anything is.
   */
  finish(failure: Failure | undefined): string | undefined;
  /** Tells the application that the server shuts down, if it would not end by itself. */
  drain(): void;
}

/** What an exchange needs of its server. */
export interface ExchangeOptions extends RequestContext {
  readonly settings: ServerSettings;
  /** Aborted when the server shuts down. */
  readonly draining: AbortSignal;
}

/** What an application has thrown. */
export interface Failure {
  readonly error: unknown;
}

/**
 * Answers a request whose application has ended without a response.
 *
 * @returns What is wrong, if anything is.
 */
export function answerFor(
  writer: ResponseWriter,
  failure: Failure | undefined,
): string | undefined {
  if (failure?.error instanceof NoRouteError) {
    writer.replace(plainResponse(404, "Not Found"));
    return undefined;
  }
  writer.replace(plainResponse(500, "Internal Server Error"));
  return failure ? "The application failed" : "The application returned without a response";
}

/** Returns whether a failure is the application's own: it did not just notice that a connection has ended. */
export function isOwnFailure(failure: Failure | undefined): failure is Failure {
  return failure !== undefined && !(failure.error instanceof ConnectionClosedError);
}
