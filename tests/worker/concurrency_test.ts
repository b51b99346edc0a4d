import { assertEquals } from "@std/assert";
import { MemoryChannelLayer } from "@asgi/channels";
import { numbered, range, Tally } from "../helpers/events.ts";
import { runBurst, startWorker } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";

Deno.test("concurrency 1 handles the events of a channel in their order", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(300));
  const seen: number[] = [];
  await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const number = Number((await receive()).number);
        for (let turns = 0; turns < number % 5; turns++) await Promise.resolve();
        seen.push(number);
      }
    },
  });
  assertEquals(seen, range(300));
});

for (const concurrency of [1, 2, 5]) {
  Deno.test(`concurrency ${concurrency} runs so many handlers in parallel, and never more`, async () => {
    await using layer = new MemoryChannelLayer();
    await layer.sendMany("letters", numbered(30));
    const begun = new Tally();
    const ended = new Tally();
    const gate = Promise.withResolvers<void>();
    let most = 0;
    await using running = await startWorker({
      layer,
      concurrency,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          begun.add(await receive());
          most = Math.max(most, begun.items.length - ended.items.length);
          await gate.promise;
          ended.add(1);
        }
      },
    });
    await begun.reach(concurrency);
    assertEquals(running.worker.inFlight, Array(concurrency).fill("letters/work"));
    gate.resolve();
    await ended.reach(30);
    assertEquals(most, concurrency);
  });
}

Deno.test("concurrency counts for each channel", async () => {
  await using layer = new MemoryChannelLayer();
  const begun = new Tally<string>();
  const gate = Promise.withResolvers<void>();
  for (const channel of ["letters", "parcels"]) await layer.sendMany(channel, numbered(5));
  await using running = await startWorker({
    layer,
    concurrency: 2,
    channels: ["letters", "parcels"],
    application: async ({ channel }, receive) => {
      for (;;) {
        await receive();
        begun.add(channel);
        await gate.promise;
      }
    },
  });
  await begun.reach(4);
  assertEquals(begun.items.toSorted(), ["letters", "letters", "parcels", "parcels"]);
  gate.resolve();
  await running.stop();
});

Deno.test("an instance is reused for the next event", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(200));
  let instances = 0;
  const { worker } = await runBurst({
    layer,
    concurrency: 3,
    channels: ["letters"],
    application: async (_scope, receive) => {
      instances++;
      for (;;) {
        await receive();
        await pause(0);
      }
    },
  });
  assertEquals(instances, 3);
  assertEquals(worker.counts.handled, 200);
});
