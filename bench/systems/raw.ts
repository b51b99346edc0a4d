import type { RedisServer } from "../redis_server.ts";
import { denoProgram, flush } from "./library.ts";
import type { System } from "./system.ts";

/** Plain node-redis: the limit. */
export function rawLoop(redis: RedisServer): System {
  return {
    name: "raw",
    title: "raw loop on node-redis",
    isPeer: true,
    isAlone: false,
    isServer: true,
    program: (order) => denoProgram("raw", redis.url, order),
    reset: () => flush(redis),
  };
}
