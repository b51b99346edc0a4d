import type { HttpScope, WebSocketScope } from "@asgi/channels";
import type { ConnectionScope } from "@asgi/channels/protocol";

/** Returns the scope of a GET request for a path, as a server creates it. */
export function httpScope(path: string, more: Partial<HttpScope> = {}): HttpScope {
  return { ...connectionScope(path), type: "http", method: "GET", ...more };
}

/** Returns the scope of a WebSocket for a path, as a server creates it. */
export function webSocketScope(path: string, more: Partial<WebSocketScope> = {}): WebSocketScope {
  return {
    ...connectionScope(path),
    type: "websocket",
    scheme: "ws",
    subprotocols: [],
    extensions: { "websocket.http.response": {} },
    ...more,
  };
}

function connectionScope(rawPath: string): ConnectionScope {
  return {
    asgi: { version: "3.0", spec_version: "2.5" },
    http_version: "1.1",
    scheme: "http",
    path: decoded(rawPath),
    raw_path: rawPath,
    query_string: "",
    root_path: "",
    headers: [],
    params: {},
  };
}

function decoded(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath);
  } catch {
    return rawPath;
  }
}
