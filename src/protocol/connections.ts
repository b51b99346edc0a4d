/** The versions of ASGI that a server implements. */
export interface AsgiVersions {
  /** The version of ASGI itself. */
  readonly version: "3.0";
  /** The version of the protocol's specification, such as `"2.5"`. */
  readonly spec_version: string;
}

/** Names and values of header fields, which `new Headers()` accepts: duplicates are allowed. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** A host and a port; the port of a UNIX socket is `null`. */
export type HostAndPort = readonly [host: string, port: number | null];

/** What the scopes of HTTP requests and WebSockets have in common. */
export interface ConnectionScope {
  /** The versions of ASGI. */
  readonly asgi: AsgiVersions;
  /** The version of HTTP, such as `"1.1"`. */
  readonly http_version: string;
  /** The scheme of the URL, such as `"https"` or `"wss"`. */
  readonly scheme: string;
  /** The path of the URL, percent-decoded; it includes the `root_path`. */
  readonly path: string;
  /** The path of the URL as the client sent it, percent-encoded. */
  readonly raw_path?: string;
  /** The part of the URL after the `?`, percent-encoded; `""` without one. */
  readonly query_string: string;
  /** The part of the path that the application is mounted at; `""` at the root. */
  readonly root_path: string;
  /** The header fields; the names are in lower case. */
  readonly headers: HeaderPairs;
  /** The address of the client, if it is known. */
  readonly client?: HostAndPort;
  /** The address of the server, if it is known. */
  readonly server?: HostAndPort;
  /** The parts of the path that a `URLRouter` has matched, percent-decoded, by name. */
  readonly params: Readonly<Record<string, string>>;
  /** The extensions of ASGI that the server supports. */
  readonly extensions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** A shallow copy of the `state` of the {@linkcode LifespanScope}, if the application has one. */
  readonly state?: Record<string, unknown>;
}

/** The scope of an HTTP request. */
export interface HttpScope extends ConnectionScope {
  /** The protocol. */
  readonly type: "http";
  /** The method, in upper case. */
  readonly method: string;
}

/** The scope of a WebSocket. */
export interface WebSocketScope extends ConnectionScope {
  /** The protocol. */
  readonly type: "websocket";
  /** The subprotocols that the client offers, the preferred one first. */
  readonly subprotocols: readonly string[];
}

/** The scope of the lifetime of a server: it starts before the first request, and ends after the last. */
export interface LifespanScope {
  /** The protocol. */
  readonly type: "lifespan";
  /** The versions of ASGI. */
  readonly asgi: AsgiVersions;
  /** What the application shares with all of its requests and WebSockets. */
  readonly state: Record<string, unknown>;
}

/** A part of the body of a request. */
export type HttpRequestEvent = {
  /** The kind of the event. */
  readonly type: "http.request";
  /** The part; it may be empty. */
  readonly body: Uint8Array;
  /** Whether more parts follow. */
  readonly more_body: boolean;
};

/** The client has disconnected, or the response is complete. */
export type HttpDisconnectEvent = {
  /** The kind of the event. */
  readonly type: "http.disconnect";
};

/** Starts the response; it is sent with the first part of the body. */
export type HttpResponseStartEvent = {
  /** The kind of the event. */
  readonly type: "http.response.start";
  /** The status, from 200 to 599. */
  readonly status: number;
  /** The header fields; none by default. */
  readonly headers?: HeaderPairs;
};

/** Sends a part of the body of the response. */
export type HttpResponseBodyEvent = {
  /** The kind of the event. */
  readonly type: "http.response.body";
  /** The part; empty by default. */
  readonly body?: Uint8Array;
  /** Whether more parts follow; `false` by default. */
  readonly more_body?: boolean;
};

/** Sends a file as the body of the response: the extension `http.response.pathsend`. */
export type HttpResponsePathsendEvent = {
  /** The kind of the event. */
  readonly type: "http.response.pathsend";
  /** The absolute path of the file. */
  readonly path: string;
};

/** A client wants to open a WebSocket. */
export type WebSocketConnectEvent = {
  /** The kind of the event. */
  readonly type: "websocket.connect";
};

/** A message of the client: either text or bytes. */
export type WebSocketReceiveEvent = WebSocketContent & {
  /** The kind of the event. */
  readonly type: "websocket.receive";
};

/** The WebSocket is closed; {@linkcode WebSocketCloseEvent} closes it. */
export type WebSocketDisconnectEvent = {
  /** The kind of the event. */
  readonly type: "websocket.disconnect";
  /** The close code: 1005 if the client sent none, 1006 if the connection was lost. */
  readonly code: number;
  /** The reason that the client gave; `""` without one. */
  readonly reason: string;
};

/** Accepts a WebSocket. */
export type WebSocketAcceptEvent = {
  /** The kind of the event. */
  readonly type: "websocket.accept";
  /** The subprotocol, one of those that the client offers; none by default. */
  readonly subprotocol?: string | null;
  /** Additional header fields of the response; none by default. */
  readonly headers?: HeaderPairs;
};

/** Sends a message to the client: either text or bytes. */
export type WebSocketSendEvent = WebSocketContent & {
  /** The kind of the event. */
  readonly type: "websocket.send";
};

/** Closes a WebSocket; before it is accepted, the client gets an HTTP response with status 403. */
export type WebSocketCloseEvent = {
  /** The kind of the event. */
  readonly type: "websocket.close";
  /** The close code: 1000 by default. */
  readonly code?: number;
  /** The reason, at most 123 bytes in UTF-8; `""` by default. */
  readonly reason?: string | null;
};

/** Rejects a WebSocket with an HTTP response: the extension `websocket.http.response`. */
export type WebSocketResponseStartEvent = Omit<HttpResponseStartEvent, "type"> & {
  /** The kind of the event. */
  readonly type: "websocket.http.response.start";
};

/** Sends a part of the body of the response that rejects a WebSocket. */
export type WebSocketResponseBodyEvent = Omit<HttpResponseBodyEvent, "type"> & {
  /** The kind of the event. */
  readonly type: "websocket.http.response.body";
};

/** The content of a WebSocket message: either text or bytes. */
export type WebSocketContent =
  | {
    /** The text. */
    readonly text: string;
    /** Absent: the message is text. */
    readonly bytes?: null;
  }
  | {
    /** The bytes. */
    readonly bytes: Uint8Array;
    /** Absent: the message is binary. */
    readonly text?: null;
  };

/** The server starts. */
export type LifespanStartupEvent = {
  /** The kind of the event. */
  readonly type: "lifespan.startup";
};

/** The server shuts down; no request is left. */
export type LifespanShutdownEvent = {
  /** The kind of the event. */
  readonly type: "lifespan.shutdown";
};

/** The application has started, or cleaned up. */
export type LifespanCompleteEvent = {
  /** The kind of the event. */
  readonly type: "lifespan.startup.complete" | "lifespan.shutdown.complete";
};

/** The application could not start, or clean up: the server exits. */
export type LifespanFailedEvent = {
  /** The kind of the event. */
  readonly type: "lifespan.startup.failed" | "lifespan.shutdown.failed";
  /** What failed; `""` by default. */
  readonly message?: string;
};

/** What the applications of each protocol receive. */
export interface IncomingByType {
  /** The events of an HTTP request. */
  readonly http: HttpRequestEvent | HttpDisconnectEvent;
  /** The events of a WebSocket. */
  readonly websocket: WebSocketConnectEvent | WebSocketReceiveEvent | WebSocketDisconnectEvent;
  /** The events of a server's lifetime. */
  readonly lifespan: LifespanStartupEvent | LifespanShutdownEvent;
}

/** What the applications of each protocol may send. */
export interface OutgoingByType {
  /** The messages of an HTTP response. */
  readonly http: HttpResponseStartEvent | HttpResponseBodyEvent | HttpResponsePathsendEvent;
  /** The messages of a WebSocket. */
  readonly websocket:
    | WebSocketAcceptEvent
    | WebSocketSendEvent
    | WebSocketCloseEvent
    | WebSocketResponseStartEvent
    | WebSocketResponseBodyEvent;
  /** The replies to the events of a server's lifetime. */
  readonly lifespan: LifespanCompleteEvent | LifespanFailedEvent;
}
