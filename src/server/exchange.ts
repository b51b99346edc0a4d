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

/** Returns whether a request is the handshake of a WebSocket. */
export function isWebSocketRequest({ headers }: Request): boolean {
  return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** 16 bytes in Base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Returns the response to a handshake that is rejected before the application sees it. */
export function rejectHandshake(request: Request, settings: ServerSettings): Response | undefined {
  const { headers, method } = request;
  if (headers.get("sec-websocket-version") !== "13") {
    return plainResponse(426, "Upgrade Required", { "sec-websocket-version": "13" });
  }
  const isUpgrade = /\bupgrade\b/i.test(headers.get("connection") ?? "");
  const isComplete = method === "GET" && isUpgrade &&
    KEY.test(headers.get("sec-websocket-key") ?? "");
  if (!isComplete) return plainResponse(400, "Bad Request");
  if (isAllowedOrigin(headers, settings.allowedOrigins)) return undefined;
  settings.log({
    level: "warn",
    message: `Rejected a WebSocket from the origin ${headers.get("origin")}: ` +
      `the request is for ${headers.get("host")}; allowedOrigins can allow it`,
  });
  return plainResponse(403, "Forbidden");
}

/** A browser names the origin of the page; other clients have none. */
function isAllowedOrigin(headers: Headers, allowed: ServerSettings["allowedOrigins"]): boolean {
  const origin = headers.get("origin");
  if (origin === null || allowed === "*") return true;
  if (allowed) return allowed.some((one) => one.toLowerCase() === origin.toLowerCase());
  const page = URL.parse(origin);
  // The scheme of the page decides which port a host without one has.
  const own = URL.parse(`${page?.protocol}//${headers.get("host")}`);
  return page !== null && own !== null && page.host !== "" && page.host === own.host;
}
