import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  type ChannelLayer,
  type Delivery,
  type Drop,
  LayerUnavailableError,
  type ReceiveOptions,
  RedisChannelLayer,
} from "@asgi/channels";
import { startProxy } from "../helpers/proxy.ts";
import { send, startRecording } from "./recording_worker.ts";
import { range } from "../helpers/events.ts";
import { type RedisServer, startRedis, testWithRedis, untilBlocked } from "../helpers/redis.ts";
import { pause, until, within } from "../helpers/waiting.ts";
import { outcome } from "../helpers/worker.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** How long an answer is under way: long enough to abort what waits for it. */
const DELAY = 500;

/** Opens a layer on a Redis, and another one whose answers are delayed. */
async function openScene(redis: RedisServer) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const socket = redis.url.slice("unix://".length);
  const proxy = stack.use(startProxy(`${folder.path}/proxy.sock`, socket));
  const drops: Drop[] = [];
  const near = stack.use(new RedisChannelLayer({ url: redis.url }));
  const far = stack.use(
    new RedisChannelLayer({ url: proxy.url, onDrop: (drop) => drops.push(drop) }),
  );
  await far.send("others", { type: "work" }); // It is connected when it matters.
  await far.receive("others");
  return { near, far, proxy, drops, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

type Scene = Awaited<ReturnType<typeof openScene>>;

async function fill(redis: RedisServer): Promise<void> {
  await redis.cli("CONFIG", "SET", "maxmemory", "1");
}

async function makeRoom(redis: RedisServer): Promise<void> {
  await redis.cli("CONFIG", "SET", "maxmemory", "0");
}

/** Waits until a channel is empty: its messages are in transit to the receiver. */
async function untilTaken(redis: RedisServer, channel: string): Promise<void> {
  await until("it is taken", async () => await redis.cli("ZCARD", `asgi${channel}`) === "0");
}

/** Has the far layer fetch three events for a call that is aborted before they arrive. */
async function abortAmidArrival(
  { near, far, proxy }: Scene,
  redis: RedisServer,
  prepare = fill,
): Promise<void> {
  for (const number of range(3)) await send(near, number);
  await prepare(redis);
  proxy.delay = DELAY;
  const control = new AbortController();
  const { signal } = control;
  const taking = far.receiveMany("letters", { limit: 10, signal });
  await untilTaken(redis, "letters");
  control.abort();
  await assertRejects(() => taking, DOMException);
  if (prepare === fill) proxy.delay = 0;
}

function numbers(deliveries: readonly Delivery[]): number[] {
  return deliveries.map((delivery) => Number(delivery.read().number));
}

async function receiveNumbers(layer: ChannelLayer, count: number): Promise<number[]> {
  const all: number[] = [];
  while (all.length < count) {
    all.push(...numbers(await within(layer.receiveMany("letters", { limit: 10 }), "events")));
  }
  return all;
}

/** Has a script run for ever: meanwhile Redis rejects everything else. */
async function keepBusy(redis: RedisServer): Promise<void> {
  await redis.cli("CONFIG", "SET", "busy-reply-threshold", "20");
  redis.cli("EVAL", "while true do end", "0").catch(() => {});
  await until("it is busy", async () => (await redis.cli("PING")).includes("BUSY"));
}

/** How Redis can reject a wake-up while a receiver waits. */
const REJECTIONS = [
  { what: "Redis out of memory", reject: fill },
  {
    what: "Redis that wants more replicas",
    reject: async (redis: RedisServer) => {
      await redis.cli("CONFIG", "SET", "min-replicas-to-write", "1");
    },
  },
  { what: "Redis that is busy", reject: keepBusy },
  {
    what: "Redis that became a read-only replica",
    reject: async (redis: RedisServer) => {
      await redis.cli("REPLICAOF", "127.0.0.1", "1");
    },
  },
  {
    what: "Redis without the right to write",
    reject: async (redis: RedisServer) => {
      await redis.cli("ACL", "SETUSER", "default", "-zadd", "-eval", "-evalsha");
    },
  },
] as const;

testWithRedis("Redis rejects writes", () => {
  Deno.test("Redis out of memory: what arrives after an abort goes to the next receiver, in order", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis);
    assertEquals(await receiveNumbers(scene.far, 3), range(3));
    assertEquals(scene.drops, []);
  });

  Deno.test("Redis out of memory: what arrives after an abort comes before what is sent later", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis);
    await pause(DELAY); // It has arrived, and was rejected.
    await makeRoom(redis);
    await send(scene.near, 3);
    assertEquals(await receiveNumbers(scene.far, 4), range(4));
  });

  Deno.test("Redis out of memory: what arrives after an abort is requeued when there is memory again", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis);
    await makeRoom(redis);
    assertEquals(await receiveNumbers(scene.near, 3), range(3));
  });

  Deno.test("Redis out of memory: an abort loses nothing of any channel that was polled", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    const { near, far, proxy } = scene;
    const control = new AbortController();
    const channels = ["one", "two", "three"];
    proxy.delay = DELAY;
    // Beside the first poll, which finds nothing, all are asked for: so the next one is for all.
    const seen: unknown[] = [];
    const receive = async (channel: string, options?: ReceiveOptions) => {
      seen.push((await far.receive(channel, options)).channel);
    };
    const waiting = channels.map((channel) => receive(channel, control).catch(() => {}));
    for (const channel of channels) await near.send(channel, { type: "work", channel });
    await fill(redis);
    for (const channel of channels) await untilTaken(redis, channel);
    control.abort();
    await Promise.all(waiting);
    proxy.delay = 0;
    const missing = channels.filter((channel) => !seen.includes(channel));
    for (const channel of missing) await within(receive(channel), channel);
    assertEquals(seen.toSorted(), channels.toSorted());
  });

  Deno.test("Redis out of memory: close() reports what it can't requeue", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis);
    await scene.far.close();
    assertEquals(scene.drops.map(({ channel }) => channel), ["letters", "letters", "letters"]);
    assert(scene.drops.every(({ reason }) => reason.includes("could not be requeued")));
  });

  Deno.test("Redis out of memory: close() requeues what it can", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis);
    await pause(DELAY);
    await makeRoom(redis);
    await scene.far.close();
    assertEquals(scene.drops, []);
    assertEquals(await receiveNumbers(scene.near, 3), range(3));
  });

  Deno.test("an event that may have been requeued is reported as dropped, and is received once", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    await abortAmidArrival(scene, redis, async () => {});
    scene.proxy.delay = 5_000; // The answer to what puts them back must still be in transit.
    await until("all are back", async () => await redis.cli("ZCARD", "asgiletters") === "3");
    scene.proxy.cut(); // The answer to what has put them back.
    await until("all are dropped", () => scene.drops.length >= 3);
    scene.proxy.delay = 0;
    assertEquals(await receiveNumbers(scene.near, 3), range(3));
    await scene.far.close(); // What it kept would be requeued now.
    assertEquals(await scene.near.receiveMany("letters", { limit: 10, wait: false }), []);
  });

  Deno.test("Redis out of memory: a worker that stops amid an arrival handles it", async () => {
    await using redis = await startRedis();
    await using scene = await openScene(redis);
    const running = await startRecording(scene.far);
    await send(scene.near, 0);
    await running.seen.reach(1);
    scene.proxy.delay = DELAY;
    for (const number of [1, 2, 3]) await send(scene.near, number);
    await fill(redis);
    await untilTaken(redis, "letters");
    await running.stop();
    assertEquals(running.seen.items, range(4));
    assertEquals(outcome(running.worker), { received: 4, handled: 4, failed: 0, dropped: 0 });
  });

  for (const { what, reject } of REJECTIONS) {
    Deno.test(`${what}: an idle worker stops, and its layer closes, without waiting`, async () => {
      await using redis = await startRedis();
      const layer = new RedisChannelLayer({ url: redis.url });
      const running = await startRecording(layer);
      await untilBlocked(redis);
      await reject(redis);
      const start = performance.now();
      await running.stop();
      await layer.close();
      assertLess(performance.now() - start, 1_000);
      await redis.cli("SCRIPT", "KILL").catch(() => {});
    });
  }

  Deno.test("Redis out of memory: a receive() beside another one receives waiting events immediately", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await send(layer, 1);
    const waiting = layer.receive("quiet").catch(() => {});
    await untilBlocked(redis);
    await fill(redis);
    const start = performance.now();
    assertEquals((await layer.receive("letters")).number, 1);
    assertEquals(await layer.receiveMany("letters", { limit: 1, wait: false }), []);
    assertLess(performance.now() - start, 1_000);
    await layer.close();
    await waiting;
  });

  Deno.test("Redis that is busy: a receiveMany() that doesn't wait rejects immediately", async () => {
    await using redis = await startRedis();
    await using layer = new RedisChannelLayer({ url: redis.url });
    await send(layer, 1);
    const waiting = layer.receive("quiet").catch(() => {});
    await untilBlocked(redis);
    await keepBusy(redis);
    const start = performance.now();
    await assertRejects(
      () => layer.receiveMany("letters", { limit: 1, wait: false }),
      LayerUnavailableError,
      "BUSY",
    );
    assertLess(performance.now() - start, 1_000);
    await redis.cli("SCRIPT", "KILL");
    assertEquals((await layer.receive("letters")).number, 1);
    await layer.close();
    await waiting;
  });
});
