import { createConnection, createServer, type Socket } from "node:net";
import { until } from "./waiting.ts";

/** A server that is not Redis: it accepts connections, and answers as a function says. */
export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  /** Its host and port, as a URL has them. */
  readonly at: string;
  /** Resolves at the first connection. */
  readonly connected: Promise<void>;
  /** Waits until the clients have closed all connections. */
  disconnected(): Promise<void>;
}

/**
 * Starts a server on a free port of 127.0.0.1.
 *
 * @param answer Returns the answer to a chunk of bytes; by default, there is none.
 */
export async function startFakeServer(
  answer: (chunk: string) => string | undefined = () => undefined,
): Promise<FakeServer> {
  const sockets = new Set<Socket>();
  const connected = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    connected.resolve();
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      const text = answer(String(chunk));
      if (text !== undefined) socket.write(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    at: `127.0.0.1:${port}`,
    connected: connected.promise,
    disconnected: () => until("all connections are closed", () => sockets.size === 0),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Below the ephemeral ports of Linux, even with the 10,000 that a cluster's bus adds. */
const LOWEST = 10_100;
const HIGHEST = 22_000;

/** Returns a free TCP port of 127.0.0.1, whose cluster bus port is free too. */
export function freePort(): number {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (isFree(port) && isFree(port + 10_000)) return port;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

/** Returns whether a server listens on a port of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket: Socket = createConnection({ port, host: "127.0.0.1" });
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
