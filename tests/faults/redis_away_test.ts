import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LayerUnavailableError, RedisChannelLayer } from "@asgi/channels";
import { outagesOf, send, sendAtLast, startRecording } from "./recording_worker.ts";
import { range, remaining, untilEmpty } from "../helpers/events.ts";
import { startRedis, testWithRedis } from "../helpers/redis.ts";
import { FIXTURE_APP, startProgram, startWorkerProcess } from "../helpers/program.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

/** Creates a folder for the socket and the data of a Redis that is restarted. */
async function openHome() {
  const folder = await temporaryFolder();
  const socket = `${folder.path}/redis.sock`;
  const start = (...args: string[]) => startRedis(["--dir", folder.path, ...args], socket);
  return { url: `unix://${socket}`, start, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

const DURABLE = ["--appendonly", "yes", "--appendfsync", "always"];

testWithRedis("Redis goes away and comes back", () => {
  Deno.test("Redis killed and back empty: what was in it is lost, the worker goes on", async () => {
    await using home = await openHome();
    await using layer = new RedisChannelLayer({ url: home.url });
    {
      await using redis = await home.start();
      await layer.send("letters", { type: "work", number: 0 });
      await layer.send("parcels", { type: "work", number: 1 });
      await using running = await startRecording(layer);
      await running.seen.reach(1);
      await redis.stop();
      await running.said("retrying");
      await assertRejects(() => send(layer, 2), LayerUnavailableError);
      await using _again = await home.start();
      await running.said("Reconnected to");
      await send(layer, 3);
      await running.seen.reach(2);
      await running.stop();
      assertEquals(running.seen.items, [0, 3]);
      assertEquals(await remaining(layer, "parcels"), []);
      const [lost, back] = outagesOf(running);
      assertEquals([lost.length, back.length, running.worker.counts.outages], [1, 1, 1]);
      assertStringIncludes(lost[0] ?? "", "(connection closed");
    }
  });

  Deno.test("Redis killed and back with its data: nothing is lost, nothing comes twice", async () => {
    await using home = await openHome();
    await using layer = new RedisChannelLayer({ url: home.url, capacity: 1_000 });
    {
      await using redis = await home.start(...DURABLE);
      for (let number = 0; number < 50; number++) await send(layer, number);
      for (const { number } of await take(layer, 20)) assertEquals(Number(number) < 20, true);
      await redis.stop();
    }
    await using _again = await home.start(...DURABLE);
    const left = await remaining(layer, "letters");
    assertEquals(left.map(({ number }) => number), range(50).slice(20));
  });

  Deno.test("Redis shut down under a worker, and back: every event is handled once", async () => {
    await using home = await openHome();
    await using layer = new RedisChannelLayer({ url: home.url, capacity: 1_000 });
    const first = await home.start(...DURABLE);
    await using running = await startRecording(layer);
    for (let number = 0; number < 50; number++) await send(layer, number);
    await first.shutDown();
    await first[Symbol.asyncDispose]();
    await running.said("retrying");
    await using _again = await home.start(...DURABLE);
    for (let number = 50; number < 100; number++) await sendAtLast(layer, number);
    await running.seen.reach(100);
    await running.stop();
    assertEquals(running.seen.items, range(100));
  });

  Deno.test("Redis back from an old snapshot: it has forgotten what was received since", async () => {
    // No layer can prevent it: docs/reliability.md says how to make Redis persistent.
    await using home = await openHome();
    await using layer = new RedisChannelLayer({ url: home.url });
    {
      await using redis = await home.start();
      for (let number = 0; number < 3; number++) await send(layer, number);
      await redis.cli("SAVE");
      assertEquals((await remaining(layer, "letters")).length, 3);
      await redis.stop();
    }
    await using _again = await home.start();
    assertEquals((await remaining(layer, "letters")).length, 3);
  });

  Deno.test("Redis not there at the start: the worker says so, and listens once it is", async () => {
    await using home = await openHome();
    const worker = startProgram(["runworker", "a", "--app", FIXTURE_APP, "--layer", home.url]);
    await using _worker = worker;
    const line = await worker.stderr.until("retrying");
    assertStringIncludes(line, "the socket does not exist");
    await using _redis = await home.start();
    await worker.stderr.until("Listening on a");
    await using layer = new RedisChannelLayer({ url: home.url });
    await layer.send("a", { type: "record", id: 7 });
    await worker.stdout.until("7");
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    assertEquals(worker.stderr.all.filter((line) => line.includes(" error ")).length, 1);
    assertStringIncludes(
      worker.stderr.all.at(-1) ?? "",
      "1 handled, 0 failed, 0 dropped, 1 layer outage",
    );
  });

  Deno.test("SIGTERM while Redis is away: the worker leaves at once with 0", async () => {
    await using home = await openHome();
    await using redis = await home.start();
    await using worker = await startWorkerProcess(["a", "--layer", home.url]);
    await redis.stop();
    await worker.stderr.until("retrying");
    const start = performance.now();
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    assertEquals(performance.now() - start < 2_000, true);
  });

  Deno.test("a worker that can't requeue, because Redis is unavailable, handles its events", async () => {
    await using home = await openHome();
    await using redis = await home.start();
    await using layer = new RedisChannelLayer({ url: home.url });
    await using worker = await startWorkerProcess(["a", "--layer", home.url]);
    // Fast events first: then the worker prefetches several of those that follow.
    for (let id = 0; id < 50; id++) await layer.send("a", { type: "record", id });
    await worker.stdout.until("49");
    const slow = { type: "record.slowly", duration: 1_500 };
    await layer.sendMany("a", [50, 51, 52].map((id) => ({ ...slow, id })));
    await untilEmpty(layer, "a");
    await redis.stop();
    worker.kill("SIGTERM");
    assertEquals(await worker.end, 0);
    assertEquals(worker.stdout.all.map(Number), range(53));
    assertStringIncludes(worker.stderr.all.at(-1) ?? "", "Stopped: 53 received, 53 handled");
  });
});

/** Receives so many messages, in as many calls as the layer needs. */
async function take(layer: RedisChannelLayer, count: number) {
  const messages = [];
  while (messages.length < count) {
    const limit = count - messages.length;
    const deliveries = await layer.receiveMany("letters", { limit, wait: false });
    messages.push(...deliveries.map((delivery) => delivery.read()));
  }
  return messages;
}
