import { unescape } from "node:querystring";
import type { AsgiVersions, HostAndPort, HttpScope, WebSocketScope } from "../protocol/mod.ts";

/** The versions of ASGI that this server implements. */
export const HTTP_AND_WEBSOCKET: AsgiVersions = { version: "3.0", spec_version: "2.5" };

const HTTP_EXTENSIONS = { "http.response.pathsend": {} };
const WEBSOCKET_EXTENSIONS = { "websocket.http.response": {} };
const NO_PARAMS = {};

/** What is known about a request besides the request itself. */
export interface RequestContext {
  /** The address of the client, if the caller knows it. */
  readonly info: ServeInfo | undefined;
  readonly settings: { readonly rootPath: string };
  /** The state of the lifespan, if the application supports it. */
  readonly state: Readonly<Record<string, unknown>> | undefined;
}

/** What a runtime passes to a fetch handler along with the request, such as `Deno.ServeHandlerInfo`. */
export interface ServeInfo {
  /** The address of the client. */
  readonly remoteAddr?: object;
}

/** Returns the scope of an HTTP request. */
export function httpScope(
  request: Request,
  context: RequestContext,
): HttpScope {
  const { scheme, host, path, query } = splitUrl(request.url);
  const client = addressOf(context.info);
  return {
    type: "http",
    asgi: HTTP_AND_WEBSOCKET,
    // The runtime does not tell.
    http_version: "1.1",
    method: request.method,
    scheme,
    path: path.includes("%") ? unescape(path) : path,
    raw_path: path,
    query_string: query,
    root_path: context.settings.rootPath,
    headers: [...request.headers],
    server: serverAddress(host, scheme),
    params: NO_PARAMS,
    extensions: HTTP_EXTENSIONS,
    ...client && { client },
    ...context.state && { state: { ...context.state } },
  };
}

/** Returns the scope of a WebSocket. */
export function webSocketScope(request: Request, context: RequestContext): WebSocketScope {
  const { method: _, ...shared } = httpScope(request, context);
  const offered = request.headers.get("sec-websocket-protocol") ?? "";
  return {
    ...shared,
    type: "websocket",
    scheme: shared.scheme === "https" ? "wss" : "ws",
    subprotocols: offered.split(",").map((name) => name.trim()).filter((name) => name !== ""),
    extensions: WEBSOCKET_EXTENSIONS,
  };
}

/** The characters of a host and a port: no others, or a part of the host would pass as the path. */
const HOST = /^[\w.:[\]~!$&'()*+,;=-]*$/;

/** Returns whether the host and the path of a request can be told apart: the runtime joins them as they are. */
export function hasValidUrl({ url, headers }: Request): boolean {
  return HOST.test(headers.get("host") ?? "") && URL.canParse(url) && splitUrl(url).path !== "";
}

/** Splits a URL as the runtime has composed it. */
export function splitUrl(url: string) {
  const hostAt = url.indexOf("://") + 3;
  const slashAt = url.indexOf("/", hostAt);
  const pathAt = slashAt === -1 ? url.length : slashAt;
  const queryAt = url.indexOf("?", pathAt);
  return {
    scheme: url.slice(0, hostAt - 3),
    host: url.slice(hostAt, pathAt),
    path: queryAt === -1 ? url.slice(pathAt) : url.slice(pathAt, queryAt),
    query: queryAt === -1 ? "" : url.slice(queryAt + 1),
  };
}

/** Returns the host and port of a URL; an IPv6 address without its brackets. */
function serverAddress(host: string, scheme: string): HostAndPort {
  const [, name = host, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  const plain = name.startsWith("[") ? name.slice(1, -1) : name;
  return [plain, port === undefined ? (scheme === "https" ? 443 : 80) : Number(port)];
}

function addressOf(info: ServeInfo | undefined): HostAndPort | undefined {
  const { hostname, port, path } = (info?.remoteAddr ?? {}) as Partial<
    Deno.NetAddr & Deno.UnixAddr
  >;
  if (hostname !== undefined && port !== undefined) return [hostname, port];
  return path === undefined ? undefined : [path, null];
}
