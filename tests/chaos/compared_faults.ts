import type { Message } from "@asgi/channels";
import { pass } from "./fault.ts";
import type { Scene } from "./play.ts";

/** Something that goes wrong for one worker, of ours or of Channels. */
export interface Compared {
  readonly name: string;
  readonly act: (scene: Scene) => Promise<void>;
  /** What the events are; by default each takes 10 ms. */
  readonly event?: (id: number) => Message;
  /** How long nothing happens until all is taken for done, in milliseconds, if longer than usual. */
  readonly quiet?: number;
  /** How many workers there are, if more than one. */
  readonly workers?: number;
  /** Whether the fault itself starts Redis. */
  readonly redisIsLate?: boolean;
  /** Whether no event is handled, so that there is nothing to wait for. */
  readonly handlesNone?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Some of 100 events are of another type. */
function oneOf(type: string, number: number): (id: number) => Message {
  return (id) => ({ type: id === number ? type : "steady", id });
}

const idle = () => Promise.resolve();

/** The faults, in the order of docs/reliability.md. */
export const COMPARED: readonly Compared[] = [
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
    name: "Redis frozen for 12 s",
    act: async ({ redis }) => {
      redis.server.kill("SIGSTOP");
      await pass(12_000);
      redis.server.kill("SIGCONT");
    },
  },
  {
    name: "Redis not there at the start",
    redisIsLate: true,
    act: async ({ redis }) => {
      await pass(3_000);
      await redis.start();
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
  { name: "a task that nobody awaits fails", act: idle, event: oneOf("stray", 10) },
  { name: "a handler burns 2 s of CPU", act: idle, event: oneOf("burn", 10) },
  { name: "an event of an unknown type", act: idle, event: oneOf("unknown", 10) },
  {
    name: "an event without a type",
    act: idle,
    event: (id) => (id === 10 ? { id } as unknown as Message : { type: "steady", id }),
  },
  {
    name: "bytes that are no message",
    act: async ({ redis }) => {
      await redis.server.cli("ZADD", "asgia", "0", "123456789012 no message");
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
  { name: "4 workers on one channel", act: idle, workers: 4 },
];
