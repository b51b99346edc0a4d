import type { Program } from "../child.ts";
import type { RedisServer } from "../redis_server.ts";
import type { ClientTask, Order } from "../tasks.ts";
import { type System, taskOf } from "./system.ts";

const ROLES = new URL("../roles/main.ts", import.meta.url).pathname;
const CLIENTS = new URL("../roles/clients.ts", import.meta.url).pathname;
const CLI = new URL("../../cli.ts", import.meta.url).pathname;
const APP = new URL("../roles/idle_app.ts", import.meta.url).pathname;

/** How to start a role of this library, or of plain node-redis. */
export function denoProgram(subject: "layer" | "raw", url: string, order: Order): Program {
  const task = JSON.stringify(taskOf(order, url));
  const args = ["run", "-A", "--v8-flags=--expose-gc", ROLES, subject, task];
  return { command: Deno.execPath(), args };
}

/** How to start the clients of a server, which are the same for all systems. */
export function clientProgram(task: ClientTask): Program {
  return { command: Deno.execPath(), args: ["run", "-A", CLIENTS, JSON.stringify(task)] };
}

/** This library on Redis. */
export function libraryOnRedis(redis: RedisServer): System {
  return {
    name: "redis",
    title: "this library, Redis",
    isPeer: false,
    isAlone: false,
    isServer: true,
    program: (order) => denoProgram("layer", redis.url, order),
    startUp: startUp(redis.url),
    reset: () => flush(redis),
  };
}

/** This library on a SQLite file. */
export function libraryOnSqlite(folder: string): System {
  const path = `${folder}/events.sqlite3`;
  return {
    name: "sqlite",
    title: "this library, SQLite",
    isPeer: false,
    isAlone: false,
    isServer: false,
    program: (order) => denoProgram("layer", `sqlite:${path}`, order),
    startUp: startUp(`sqlite:${path}`),
    reset: async () => {
      for (const end of ["", "-wal", "-shm"]) await Deno.remove(path + end).catch(() => {});
    },
  };
}

/** This library in memory: one process sends and handles. */
export function libraryInMemory(): System {
  return {
    name: "memory",
    title: "this library, memory",
    isPeer: false,
    isAlone: true,
    isServer: false,
    program: (order) => denoProgram("layer", "memory:", order),
    reset: () => Promise.resolve(),
  };
}

/** Empties the server. */
export async function flush(redis: RedisServer): Promise<void> {
  await redis.run("FLUSHALL", "SYNC");
}

function startUp(url: string): { readonly program: Program; readonly says: string } {
  const args = ["run", "-A", CLI, "runworker", "bench", "--app", APP, "--layer", url];
  return { program: { command: Deno.execPath(), args }, says: "Listening on" };
}
