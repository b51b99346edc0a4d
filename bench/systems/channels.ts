import type { Program } from "../child.ts";
import type { RedisServer } from "../redis_server.ts";
import type { Order } from "../tasks.ts";
import { denoProgram, flush } from "./library.ts";
import { type System, taskOf } from "./system.ts";

const FOLDER = new URL("../peers/channels/", import.meta.url).pathname;

/** Debian's packages belong to the Python at this path; else the first one is asked. */
const PYTHONS = ["/usr/bin/python3", "python3"];

/** What it is, and its server. */
const MODULES = ["channels", "channels_redis.core", "django"];
const SERVER = "daphne.server";

/** What a process runs that is started for a role. */
const SCRIPTS: Partial<Record<Order["role"], string>> = { work: "manage.py", site: "site.py" };

/** Python's Channels on channels_redis; or nothing, and a line that says why. */
export async function pythonChannels(redis: RedisServer): Promise<System | string> {
  for (const python of PYTHONS) {
    if (!await canImport(python, MODULES)) continue;
    const isServer = await canImport(python, [SERVER]);
    if (!isServer) console.log("Daphne is left out: it needs Debian's python3-daphne");
    return systemWith(python, { redis, isServer });
  }
  return "Channels is left out: it needs Debian's python3-channels-redis and python3-django";
}

function systemWith(
  python: string,
  { redis, isServer }: { readonly redis: RedisServer; readonly isServer: boolean },
): System {
  const program = (order: Order): Program => {
    // The form of the messages is the same, and the library fills channels faster.
    if (order.role === "fill") return denoProgram("layer", redis.url, order);
    const worker = ["runworker", ...order.channels];
    return {
      command: python,
      args: [SCRIPTS[order.role] ?? "play.py", ...order.role === "work" ? worker : []],
      cwd: FOLDER,
      env: {
        BENCH_TASK: JSON.stringify(taskOf(order, redis.url)),
        PYTHONDONTWRITEBYTECODE: "1",
      },
    };
  };
  const idle = program({ role: "work", channels: ["bench"], capacity: 100, expected: 0 });
  return {
    name: "channels",
    title: "Channels (Python)",
    isPeer: true,
    isAlone: false,
    isServer,
    program,
    startUp: { program: idle, says: "Running worker for channels" },
    reset: () => flush(redis),
  };
}

async function canImport(python: string, modules: readonly string[]): Promise<boolean> {
  const args = ["-c", `import ${modules.join(", ")}`];
  try {
    return (await new Deno.Command(python, { args }).output()).success;
  } catch {
    return false;
  }
}
