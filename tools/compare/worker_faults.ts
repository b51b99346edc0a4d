import { pass } from "../chaos/fault.ts";
import { type Compared, EXTRA, idle, oneOf } from "./compared.ts";

/** What may happen to a worker, and in its handlers. */
export const WORKER_FAULTS: readonly Compared[] = [
  {
    name: "SIGTERM",
    act: async ({ kill }) => {
      kill("SIGTERM");
      await pass(1_000);
    },
  },
  {
    name: "SIGINT",
    act: async ({ kill }) => {
      kill("SIGINT");
      await pass(1_000);
    },
  },
  {
    name: "SIGKILL",
    act: async ({ kill }) => {
      kill("SIGKILL");
      await pass(500);
    },
  },
  {
    name: "SIGTERM while Redis is away",
    act: async ({ redis, kill }) => {
      await redis.crash();
      kill("SIGTERM");
      await pass(1_000);
      await redis.start();
    },
  },
  { name: "a handler throws", act: idle, event: oneOf("fail", 10) },
  { name: "a handler throws what is no error", act: idle, event: oneOf("oddly", 10) },
  { name: "a handler ends its consumer", act: idle, event: oneOf("stop", 10) },
  { name: "a handler never returns", act: idle, event: oneOf("forever", 10) },
  { name: "a task that nobody awaits fails", act: idle, event: oneOf("stray", 10) },
  { name: "a handler burns 2 s of CPU", act: idle, event: oneOf("burn", 10) },
  { name: "an event of an unknown type", act: idle, event: oneOf("unknown", 10) },
  {
    name: "no file descriptor is left for 1 s",
    shell: 'ulimit -n 64; exec "$@"',
    act: async ({ redis, send }) => {
      await send({ type: "files", id: EXTRA });
      await pass(1_000); // The 45 before it take half a second.
      await redis.server.cli("CLIENT", "KILL", "TYPE", "normal");
      await pass(1_000);
    },
  },
  {
    // It can't say that it is up.
    name: "standard error is closed",
    shell: 'exec "$@" 2>&-',
    isAtStart: true,
    act: () => pass(3_000),
    event: oneOf("fail", 10),
  },
  {
    name: "a consumer that can't be made",
    act: idle,
    handlesNone: true,
    env: { CHAOS_APP: "unbuildable" },
  },
  {
    name: "an application that returns at once",
    act: idle,
    handlesNone: true,
    env: { CHAOS_APP: "returning" },
  },
];
