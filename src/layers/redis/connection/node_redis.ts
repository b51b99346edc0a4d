import { Buffer } from "node:buffer";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Access } from "../address.ts";
import { inTime } from "./watchdog.ts";
import type { Argument, Reply } from "./client.ts";

/** The parts of node-redis that are used here. */
export interface NodeRedis {
  readonly RESP_TYPES: { readonly BLOB_STRING: number };
  // `createClient()` and its like make a class anew for each server, which takes 40 ms.
  readonly RedisClient: new (options: object) => NodeRedisClient;
  readonly RedisCluster: new (options: object) => NodeRedisCluster;
}

/** What can be connected. */
export interface Connectable {
  connect(): Promise<unknown>;
  destroy(): void;
}

/** Its client of one server. */
export interface NodeRedisClient extends Connectable {
  readonly isReady: boolean;
  on(event: "error", listener: (error: unknown) => void): unknown;
  sendCommand(args: readonly Argument[]): Promise<Reply>;
}

/** Its client of a cluster. */
export interface NodeRedisCluster extends Omit<NodeRedisClient, "sendCommand"> {
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<NodeRedisClient>;
  sendCommand(key: Argument, readonly: boolean, args: readonly Argument[]): Promise<Reply>;
}

/** How long a server may take to let us in, in milliseconds. */
export const CONNECT_TIMEOUT = 5_000;

/** Imported late: it costs a tenth of a second that users of other layers needn't pay. */
export async function importNodeRedis(): Promise<NodeRedis> {
  return await import("redis") as unknown as NodeRedis;
}

/**
 * What it is told of every server.
 *
 * @param signal Ends its sockets.
 */
export function optionsOf(
  { username, password, tls }: Access,
  { BLOB_STRING }: NodeRedis["RESP_TYPES"],
  signal: AbortSignal,
) {
  return {
    RESP: 2,
    commandOptions: {
      timeout: 0, // One timer of ours for all commands costs less than one for each.
      typeMapping: { [BLOB_STRING]: Buffer },
    },
    disableClientInfo: true,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    username,
    password,
    socket: {
      connectTimeout: CONNECT_TIMEOUT,
      reconnectStrategy: false,
      signal,
      ...tls && { tls: true, ...tls },
    },
  };
}

/**
 * Connects, and gives up for good when that fails. The client's own time limit ends when the
 * connection stands: a server that is silent then, about a password say, would never be given up.
 */
export function connect(client: Connectable, signal: AbortSignal): Promise<void> {
  return inTime(CONNECT_TIMEOUT, signal, async (ending) => {
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    ending.addEventListener("abort", () => reject(ending.reason), { once: true });
    const connecting = client.connect();
    try {
      await Promise.race([connecting, givenUp]);
    } catch (error) {
      client.destroy();
      // While it connects, the client doesn't have the socket yet that it should destroy.
      connecting.then(() => client.destroy(), () => {});
      throw error;
    }
  });
}

/**
 * Starts something that opens a socket, and tells which it is, by what Node publishes of each. The
 * client keeps its socket to itself; where none is published, the answers alone are signs of life.
 */
export function withSocket<T>(open: () => T): { readonly opened: T; readonly socket?: Socket } {
  let socket: Socket | undefined;
  const note = (message: unknown) => socket ??= (message as { readonly socket?: Socket }).socket;
  subscribe("net.client.socket", note);
  try {
    const opened = open();
    return socket ? { opened, socket } : { opened };
  } finally {
    unsubscribe("net.client.socket", note);
  }
}
