import {
  type Application,
  type HttpScope,
  ProtocolTypeRouter,
  type WebSocketScope,
} from "@asgi/channels";
import type { AnyApplication } from "@asgi/channels/protocol";
import {
  type Access,
  serve,
  type ServeOptions,
  type ServerLogEntry,
  type WebScope,
} from "@asgi/channels/server";
import { Tally } from "./events.ts";
import { connectRaw, handshakeFor } from "./raw_client.ts";
import { within } from "./waiting.ts";

/** A server that a test has started. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Its host and port, as a URL has them. */
  readonly host: string;
  readonly log: Tally<ServerLogEntry>;
  readonly accesses: Tally<Access>;
  /** Shuts it down; settles as the promise of `serve()`. */
  stop(): Promise<void>;
}

/** Serves an application on a free port of 127.0.0.1 until the end of the test. */
export async function startServer<S extends WebScope = WebScope>(
  application: AnyApplication<S>,
  options: ServeOptions = {},
): Promise<TestServer> {
  const control = new AbortController();
  const listening = Promise.withResolvers<number>();
  const log = new Tally<ServerLogEntry>();
  const accesses = new Tally<Access>();
  const ended = serve(application, {
    port: 0,
    hostname: "127.0.0.1",
    signal: control.signal,
    onListen: ({ port }) => listening.resolve(port),
    log: (entry) => log.add(entry),
    onAccess: (access) => accesses.add(access),
    ...options,
  });
  ended.then(() => listening.reject(new Error("The server has ended")), listening.reject);
  const port = await listening.promise;
  const stop = () => {
    control.abort();
    return within(ended, "the end of the server", 30_000);
  };
  return {
    port,
    host: `127.0.0.1:${port}`,
    log,
    accesses,
    stop,
    // A test of the failure has awaited it.
    [Symbol.asyncDispose]: () => stop().catch(() => {}),
  };
}

/** Serves an application for HTTP requests. */
export function startHttp(
  http: Application<HttpScope>,
  options: ServeOptions = {},
): Promise<TestServer> {
  return startServer(ProtocolTypeRouter({ http }), options);
}

/** Serves an application for WebSockets. */
export function startSockets(
  websocket: Application<WebSocketScope>,
  options: ServeOptions = {},
): Promise<TestServer> {
  return startServer(ProtocolTypeRouter({ websocket }), options);
}

/** Accepts a WebSocket, and waits for its end. */
export const accepting: Application<WebSocketScope> = async (_scope, receive, send) => {
  await send({ type: "websocket.accept" });
  for (let type = ""; type !== "websocket.disconnect";) type = (await receive()).type;
};

/** Returns the first line of the response to a handshake; the client vanishes then. */
export async function handshakeStatus(
  { port }: TestServer,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  using client = await connectRaw(port);
  await client.write(handshakeFor(port, changes));
  return (await client.readUntil("\r\n")).trim();
}

/** A WebSocket of a client. */
export interface TestSocket extends AsyncDisposable {
  readonly socket: WebSocket;
  /** The messages so far, binary ones as `Uint8Array`. */
  readonly messages: Tally<string | Uint8Array>;
  /** Resolves when it is closed. */
  readonly closed: Promise<CloseEvent>;
}

/** Opens a WebSocket; rejects if the server does not accept it. */
export async function openSocket(
  url: string,
  options: string | string[] | WebSocketOptions = [],
): Promise<TestSocket> {
  const socket = new WebSocket(url, options as string[]);
  socket.binaryType = "arraybuffer";
  const messages = new Tally<string | Uint8Array>();
  const closed = Promise.withResolvers<CloseEvent>();
  const opened = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) =>
    messages.add(typeof data === "string" ? data : new Uint8Array(data));
  socket.onopen = () => opened.resolve();
  socket.onclose = (event) => {
    closed.resolve(event);
    opened.reject(new Error(`The WebSocket was closed with ${event.code}`));
  };
  await within(opened.promise, "the open event", 20_000);
  const dispose = async () => {
    socket.close();
    await within(closed.promise, "the close event", 20_000);
  };
  return { socket, messages, closed: closed.promise, [Symbol.asyncDispose]: dispose };
}
