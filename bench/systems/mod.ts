/**
 * The systems that are measured, each with how to start it.
 *
 * @module
 */
import type { RedisServer } from "../redis_server.ts";
import { bullmq } from "./bullmq.ts";
import { pythonChannels } from "./channels.ts";
import { libraryInMemory, libraryOnRedis, libraryOnSqlite } from "./library.ts";
import { rawLoop } from "./raw.ts";
import type { System } from "./system.ts";

export { clientProgram } from "./library.ts";
export type { System, SystemName } from "./system.ts";

/** Finds the systems that this machine has; a line is printed for each that it hasn't. */
export async function findSystems(redis: RedisServer, folder: string): Promise<System[]> {
  const found = [
    libraryOnRedis(redis),
    rawLoop(redis),
    await pythonChannels(redis),
    ...await bullmq(redis),
    libraryOnSqlite(folder),
    libraryInMemory(),
  ];
  for (const reason of found) if (typeof reason === "string") console.log(reason);
  return found.filter((system) => typeof system !== "string");
}
