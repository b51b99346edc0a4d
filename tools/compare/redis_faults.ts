import { pass } from "../chaos/fault.ts";
import { type Compared, idle } from "./compared.ts";

/** What may happen to Redis, and between it and a worker. */
export const REDIS_FAULTS: readonly Compared[] = [
  { name: "none", act: idle },
  {
    name: "Redis killed, back empty",
    act: async ({ redis }) => {
      await redis.crash();
      await redis.forget();
      await pass(1_000);
      await redis.start();
    },
  },
  {
    name: "Redis killed, back with its data",
    act: async ({ redis }) => {
      await redis.crash();
      await pass(1_000);
      await redis.start();
    },
  },
  {
    name: "Redis shut down in good order, and back",
    act: async ({ redis }) => {
      await redis.shutDown();
      await pass(1_000);
      await redis.start();
    },
  },
  {
    name: "Redis frozen for 12 s",
    act: async ({ redis }) => {
      redis.server.kill("SIGSTOP");
      await pass(12_000);
      redis.server.kill("SIGCONT");
    },
  },
  {
    name: "Redis not there at the start",
    prepare: idle,
    isAtStart: true,
    act: async ({ redis }) => {
      await pass(3_000);
      await redis.start();
    },
  },
  {
    name: "Redis wants a password",
    prepare: async (redis) => {
      await redis.start();
      await redis.server.cli("CONFIG", "SET", "requirepass", "secret");
    },
    isAtStart: true,
    act: async ({ redis }) => {
      await pass(3_000);
      await redis.server.cli(
        "-a",
        "secret",
        "--no-auth-warning",
        "CONFIG",
        "SET",
        "requirepass",
        "",
      );
    },
  },
  {
    name: "CLIENT KILL",
    act: async ({ redis }) => void await redis.server.cli("CLIENT", "KILL", "TYPE", "normal"),
  },
  {
    name: "CLIENT PAUSE for 3 s",
    act: async ({ redis }) => {
      await redis.server.cli("CLIENT", "PAUSE", "3000", "ALL");
      await pass(3_000);
    },
  },
  {
    name: "memory full for 1 s",
    act: async ({ redis }) => {
      await redis.server.cli("CONFIG", "SET", "maxmemory", "1");
      await pass(1_000);
      await redis.server.cli("CONFIG", "SET", "maxmemory", "0");
    },
  },
  {
    name: "a read-only replica for 1 s",
    act: async ({ redis }) => {
      await redis.server.cli("REPLICAOF", "127.0.0.1", "1");
      await pass(1_000);
      await redis.server.cli("REPLICAOF", "NO", "ONE");
    },
  },
  {
    name: "SCRIPT FLUSH",
    act: async ({ redis }) => void await redis.server.cli("SCRIPT", "FLUSH"),
  },
  { name: "FLUSHALL", act: async ({ redis }) => void await redis.server.cli("FLUSHALL") },
  {
    name: "a slow network for 3 s",
    act: async ({ redis }) => {
      redis.proxy.delay = 50;
      await pass(3_000);
      redis.proxy.delay = 0;
    },
  },
  {
    name: "an answer cut in its middle",
    act: async ({ redis }) => {
      redis.proxy.cut();
      await pass(500);
    },
  },
  {
    name: "garbage instead of an answer",
    quiet: 12_000,
    act: async ({ redis }) => {
      redis.garble(0);
      await pass(500);
    },
  },
  {
    name: "a key of the wrong type",
    act: async ({ redis }) => {
      await redis.server.cli("DEL", "asgia");
      await redis.server.cli("SET", "asgia", "text");
      await pass(1_000);
      await redis.server.cli("DEL", "asgia");
    },
  },
  { name: "4 workers on one channel", act: idle, workers: 4 },
];
