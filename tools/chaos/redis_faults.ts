import { CAPACITY, CHANNELS, type Fault, ON_THE_WAY, pass, span, type Stage } from "./fault.ts";
import type { RedisPlace } from "./redis_stage.ts";

/** What a fault of Redis may touch. */
export interface RedisStage extends Stage {
  readonly redis: RedisPlace;
}

/** Answers were on their way to all workers. */
const onTheWay = ({ cast }: RedisStage) => cast.size * ON_THE_WAY;

/** What may happen to Redis. */
export const REDIS_FAULTS: readonly Fault<RedisStage>[] = [
  {
    name: "Redis: killed, back without its data",
    section: "Redis crashes and restarts empty",
    mayLose: (stage) => CAPACITY * CHANNELS.length + onTheWay(stage),
    isBlackout: true,
    act: async (stage) => {
      await stage.redis.crash();
      await stage.redis.forget();
      await pass(span(stage, 300, 3_000));
      await stage.redis.start();
    },
  },
  {
    name: "Redis: killed, back with its data",
    section: "Redis crashes and restarts with its data",
    mayLose: onTheWay,
    isBlackout: true,
    act: async (stage) => {
      await stage.redis.crash();
      await pass(span(stage, 300, 3_000));
      await stage.redis.start();
    },
  },
  {
    name: "Redis: shut down in good order, and back",
    section: "Redis is shut down cleanly and restarted",
    mayLose: onTheWay,
    isBlackout: true,
    act: async (stage) => {
      await stage.redis.shutDown();
      await pass(span(stage, 300, 3_000));
      await stage.redis.start();
    },
  },
  {
    // After 5 s its clients reconnect; what it replies to the old connections later is requeued.
    name: "Redis: frozen",
    section: "Redis freezes for 12 s",
    isBlackout: true,
    act: async (stage) => {
      stage.redis.server.kill("SIGSTOP");
      await pass(span(stage, 800, 12_000));
      stage.redis.server.kill("SIGCONT");
    },
  },
  {
    name: "Redis: connections killed",
    section: "`CLIENT KILL`",
    mayLose: onTheWay,
    act: async ({ redis }) => {
      await redis.server.cli("CLIENT", "KILL", "TYPE", "normal");
    },
  },
  {
    name: "Redis: paused",
    section: "`CLIENT PAUSE`",
    isBlackout: true,
    act: async (stage) => {
      const milliseconds = span(stage, 500, 3_000);
      await stage.redis.server.cli("CLIENT", "PAUSE", `${milliseconds}`, "ALL");
      await pass(milliseconds);
    },
  },
  {
    name: "Redis: memory full",
    section: "Redis is out of memory (`noeviction`)",
    act: async (stage) => {
      await stage.redis.server.cli("CONFIG", "SET", "maxmemory", "1");
      await pass(span(stage, 500, 3_000));
      await stage.redis.server.cli("CONFIG", "SET", "maxmemory", "0");
    },
  },
  {
    name: "worker: SIGTERM while Redis is out of memory",
    section: "Redis is out of memory (`noeviction`)",
    act: async ({ redis, cast }, random) => {
      await redis.server.cli("CONFIG", "SET", "maxmemory", "1");
      await cast.replace(random.between(0, cast.size - 1), ["SIGTERM"], [0]);
      await redis.server.cli("CONFIG", "SET", "maxmemory", "0");
    },
  },
  {
    name: "Redis: busy with a script",
    section: "Redis is busy with a script (`BUSY`)",
    isBlackout: true,
    act: (stage) => stage.redis.busy(span(stage, 500, 3_000)),
  },
  {
    name: "Redis: a read-only replica for a while",
    section: "Redis becomes a read-only replica",
    isBlackout: true,
    act: async (stage) => {
      await stage.redis.server.cli("REPLICAOF", "127.0.0.1", "1");
      await pass(span(stage, 500, 3_000));
      await stage.redis.server.cli("REPLICAOF", "NO", "ONE");
    },
  },
  {
    name: "Redis: scripts forgotten",
    section: "`SCRIPT FLUSH`",
    act: async ({ redis }) => {
      await redis.server.cli("SCRIPT", "FLUSH");
    },
  },
  {
    name: "Redis: FLUSHALL",
    section: "`FLUSHALL`",
    mayLose: () => CAPACITY * CHANNELS.length,
    act: async ({ redis }) => {
      await redis.server.cli("FLUSHALL");
    },
  },
  {
    name: "network: slow",
    section: "A slow network",
    act: async (stage, random) => {
      stage.redis.proxy.delay = random.between(20, 100);
      await pass(span(stage, 700, 3_000));
      stage.redis.proxy.delay = 0;
    },
  },
  {
    name: "network: slow and narrow",
    section: "A slow network",
    act: async (stage, random) => {
      stage.redis.proxy.delay = random.between(5, 50);
      stage.redis.proxy.rate = random.between(10_000, 100_000);
      await pass(span(stage, 1_000, 8_000));
      stage.redis.proxy.delay = stage.redis.proxy.rate = 0;
    },
  },
  {
    name: "network: cut in the middle of an answer",
    section: "A reply is truncated",
    mayLose: () => ON_THE_WAY,
    act: async ({ redis }) => {
      redis.proxy.cut();
      await pass(200);
    },
  },
  {
    name: "network: garbage instead of an answer",
    section: "Garbage instead of a reply",
    mayLose: () => ON_THE_WAY,
    act: async ({ redis }, random) => {
      redis.garble(random.between(0, 100));
      await pass(200);
    },
  },
  {
    // The crash costs what it always does; the signal costs nothing more.
    name: "worker: SIGTERM while Redis is away",
    section: "Redis crashes and restarts with its data",
    mayLose: onTheWay,
    isBlackout: true,
    act: async ({ redis, cast }, random) => {
      await redis.crash();
      const replaced = cast.replace(random.between(0, cast.size - 1), ["SIGTERM"], [0]);
      await pass(300);
      await redis.start();
      await replaced;
    },
  },
];
