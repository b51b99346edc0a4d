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

/**
 * Returns BullMQ on Node, one job at a time and 100 at a time; it is installed if it is missing.
 * Without Node or npm, returns a line that says why it is left out.
 */
export async function bullmq(redis: RedisServer): Promise<readonly (System | string)[]> {
  if (!await succeeds("node", "--version")) return ["BullMQ is left out: it needs Node"];
  if (!await isInstalled()) {
    console.log("Installing BullMQ into bench/peers/bullmq: npm install");
    if (!await succeeds("npm", "install", ...NPM_OPTIONS)) {
      return ["BullMQ is left out: npm install failed in bench/peers/bullmq"];
    }
  }
  return [
    systemWith(redis, { name: "bullmq", title: "BullMQ (Node)", concurrency: 1 }),
    systemWith(redis, { name: "bullmq100", title: "BullMQ, concurrency 100", concurrency: 100 }),
  ];
}

function systemWith(
  redis: RedisServer,
  { name, title, concurrency }: Pick<System, "name" | "title"> & { readonly concurrency: number },
): System {
  return {
    name,
    title,
    isPeer: true,
    isAlone: false,
    isServer: false,
    program: (order) => ({
      command: "node",
      args: [`${FOLDER}play.mjs`, JSON.stringify({ ...taskOf(order, redis.url), concurrency })],
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
