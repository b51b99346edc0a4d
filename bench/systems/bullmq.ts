import type { RedisServer } from "../redis_server.ts";
import { flush } from "./library.ts";
import { type System, taskOf } from "./system.ts";

const FOLDER = new URL("../peers/bullmq/", import.meta.url).pathname;

/** Nothing is built, and a registry that can't be reached is given up soon. */
const NPM_OPTIONS = [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--fetch-retries=1",
  "--fetch-timeout=20000",
];

/** BullMQ on Node, installed when it isn't; or nothing, and a line that says why. */
export async function bullmq(redis: RedisServer): Promise<System | string> {
  if (!await succeeds("node", "--version")) return "BullMQ is left out: it needs Node";
  if (!await isInstalled()) {
    console.log("Installing BullMQ into bench/peers/bullmq: npm install");
    if (!await succeeds("npm", "install", ...NPM_OPTIONS)) {
      return "BullMQ is left out: npm install failed in bench/peers/bullmq";
    }
  }
  return {
    name: "bullmq",
    title: "BullMQ (Node)",
    isPeer: true,
    isAlone: false,
    program: (order) => ({
      command: "node",
      args: [`${FOLDER}play.mjs`, JSON.stringify(taskOf(order, redis.url))],
    }),
    reset: () => flush(redis),
  };
}

async function isInstalled(): Promise<boolean> {
  return await Deno.stat(`${FOLDER}node_modules/bullmq`).then(() => true, () => false);
}

async function succeeds(command: string, ...args: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args: [...args], cwd: FOLDER }).output()).success;
  } catch {
    return false;
  }
}
