import { createServer, type Socket } from "node:net";

/** A server that takes connections, and answers each with what a function says, if anything. */
export interface OddServer extends AsyncDisposable {
  readonly port: number;
  /** Its host and port, as a URL has them. */
  readonly at: string;
}

/**
 * Starts a server that is no Redis.
 *
 * @param answer What to answer to each chunk that comes; nothing by default.
 */
export async function startOddServer(
  answer: (chunk: string) => string | undefined = () => undefined,
): Promise<OddServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
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
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
