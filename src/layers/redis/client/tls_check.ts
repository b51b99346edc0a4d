import { connect } from "node:tls";
import type { Endpoint, RedisTlsOptions } from "../address.ts";
import { inTime } from "../watchdog.ts";
import { CONNECT_TIMEOUT } from "./node_redis.ts";

/**
 * Sees whether a server takes us in with TLS. One that refuses our certificate says so only after the
 * client takes the connection for established, and the client may miss that: the error is nobody's
 * then, and ends the process.
 *
 * @throws {Error} What TLS says.
 */
export function checkTls(
  endpoint: Endpoint,
  tls: RedisTlsOptions,
  signal: AbortSignal,
): Promise<void> {
  return inTime(CONNECT_TIMEOUT, signal, (ending) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ ...endpoint, ...tls }, () => socket.write("PING\r\n"));
    ending.addEventListener("abort", () => socket.destroy(ending.reason), { once: true });
    socket.once("data", () => resolve());
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("Socket closed unexpectedly")));
    return promise.finally(() => socket.destroy());
  });
}
