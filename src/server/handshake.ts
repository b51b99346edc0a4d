import type { ServerSettings } from "./options.ts";
import { plainResponse } from "./response_writer.ts";

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
