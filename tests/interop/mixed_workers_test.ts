import { assertEquals, assertGreater } from "@std/assert";
import { RedisChannelLayer } from "@asgi/channels";
import { type Program, say, startProgram } from "../helpers/program.ts";
import { type RedisServer, untilBlocked } from "../helpers/redis.ts";
import { startSite, testWithPython } from "./python.ts";
import { range, withIds } from "../helpers/events.ts";
import { until } from "../helpers/waiting.ts";

const APP = new URL("app.ts", import.meta.url).href;
const EVENTS = 3000;

interface Workers {
  readonly deno: readonly Program[];
  readonly django: readonly Program[];
}

/** Starts 2 Deno workers of one channel and some of Django, and waits until all listen. */
async function startWorkers(redis: RedisServer, djangoWorkers: number): Promise<Workers> {
  const args = ["runworker", "mixed", "--app", APP, "--layer", redis.url];
  const deno = [startProgram(args), startProgram(args)];
  const start = () => startSite(redis, ["runworker", "mixed"]);
  const django = range(djangoWorkers).map(start);
  for (const worker of deno) await worker.stderr.until("Listening on");
  await untilBlocked(redis, djangoWorkers);
  return { deno, django };
}

/** Sends all events, faster than the workers handle them; in the middle one Deno worker stops. */
async function feed(layer: RedisChannelLayer, { stop }: { stop: Program }): Promise<void> {
  for (let first = 0; first < EVENTS; first += 20) {
    if (first === EVENTS / 2) stop.kill("SIGTERM");
    await layer.sendMany("mixed", withIds(20, { type: "record.slowly" }, first));
  }
}

/** What was handled, in the order of the workers. */
function handledBy(workers: readonly Program[]): number[] {
  return workers.flatMap(({ stdout }) => stdout.all.map(Number));
}

/** Waits until each event was handled. */
async function untilAllAreHandled(workers: readonly Program[]): Promise<void> {
  await until("all events are handled", () => new Set(handledBy(workers)).size >= EVENTS);
}

/** What a Django worker would still find: in the channel, and where Python keeps its copies. */
async function takeLeft(redis: RedisServer, layer: RedisChannelLayer): Promise<number[]> {
  await redis.cli("RENAME", "asgimixed$inflight", "asgileft").catch(() => {});
  const takings = ["mixed", "left"].map((channel) =>
    layer.receiveMany(channel, { limit: EVENTS, wait: false })
  );
  return (await Promise.all(takings)).flat().map((delivery) => Number(delivery.read().id));
}

/** What became of the events: what each side handled, and what was left in Redis. */
interface Outcome {
  readonly byDeno: readonly number[];
  readonly byDjango: readonly number[];
  readonly left: readonly number[];
}

/** Has 2 Deno workers and some of Django handle all events. */
async function runWorkers(redis: RedisServer, djangoWorkers: number): Promise<Outcome> {
  await using layer = new RedisChannelLayer({ url: redis.url, capacity: EVENTS });
  await using stack = new AsyncDisposableStack();
  const { deno, django } = await startWorkers(redis, djangoWorkers);
  for (const worker of [...deno, ...django]) stack.use(worker);
  await feed(layer, { stop: deno[0]! });
  await untilAllAreHandled([...deno, ...django]);
  for (const worker of deno) worker.kill("SIGTERM");
  assertEquals(await Promise.all(deno.map(({ end }) => end)), [0, 0]);
  for (const worker of django) await worker[Symbol.asyncDispose]();
  const left = await takeLeft(redis, layer);
  return { byDeno: handledBy(deno), byDjango: handledBy(django), left };
}

testWithPython(
  "2 Deno workers and 1 of Django handle each event of a channel once",
  async (_t, redis) => {
    const { byDeno, byDjango, left } = await runWorkers(redis, 1);
    const handled = [...byDeno, ...byDjango].sort((one, other) => one - other);
    assertEquals(handled, range(EVENTS));
    assertEquals(left, []);
    for (const events of [byDeno, byDjango]) assertGreater(events.length, 0);
  },
);

// Two Django workers move each other's events back into the channel, by way of `$inflight`.
testWithPython(
  "2 Deno workers beside 2 of Django handle no event twice, and leave none of theirs to Django",
  async (_t, redis) => {
    const { byDeno, byDjango, left } = await runWorkers(redis, 2);
    const [ours, theirs] = [new Set(byDeno), new Set(byDjango)];
    assertEquals(byDeno.length, ours.size, "A Deno worker handled what one had handled before");
    assertEquals(left.filter((id) => ours.has(id)), [], "Django would handle again what Deno did");
    for (const events of [ours, theirs]) assertGreater(events.size, 0);
    const again = byDjango.length - theirs.size;
    say(
      `2 Deno and 2 Django workers: of ${EVENTS} events, Deno handled ${ours.size}, each once; ` +
        `Django handled ${theirs.size}, and ${again} times one that it had handled before; ` +
        `both handled ${ours.intersection(theirs).size}`,
    );
  },
);
