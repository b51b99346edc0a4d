import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  MemoryChannelLayer,
  type Message,
  ProtocolTypeRouter,
  Worker,
  type WorkerOptions,
} from "@asgi/channels";
import { outcome, runBurst, startWorker } from "./start_worker.ts";
import { numbered, remaining, Tally, upTo } from "./tally.ts";

const idle: Application<ChannelScope> = async (_scope, receive) => {
  for (;;) await receive();
};

Deno.test("Worker listens to the channels that it was given, and to no others", async () => {
  await using layer = new MemoryChannelLayer();
  for (const channel of ["letters", "parcels", "postcards"]) {
    await layer.send(channel, { type: "sent" });
  }
  const seen: string[] = [];
  await runBurst({
    layer,
    channels: ["letters", "postcards"],
    application: async ({ channel }, receive) => {
      for (;;) seen.push(`${channel} ${(await receive()).type}`);
    },
  });
  assertEquals(seen.toSorted(), ["letters sent", "postcards sent"]);
  assertEquals(await remaining(layer, "parcels"), [{ type: "sent" }]);
});

Deno.test("Worker runs the application with the scope of the channel", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "sent" });
  const scopes: ChannelScope[] = [];
  await runBurst({
    layer,
    channels: ["letters"],
    application: async (scope, receive) => {
      scopes.push(scope);
      for (;;) await receive();
    },
  });
  assertEquals(scopes, [{ type: "channel", channel: "letters" }]);
});

Deno.test("Worker gives an event as it was sent", async () => {
  await using layer = new MemoryChannelLayer();
  const event = { type: "sent", text: "Hëllo", pages: 2n ** 60n, seal: new Uint8Array([1, 2]) };
  await layer.send("letters", event);
  const seen: Message[] = [];
  await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.push(await receive());
    },
  });
  assertEquals(seen, [event]);
});

Deno.test("Worker runs a router of consumers", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("print", { type: "test.print", text: "Hello" });
  const printed: string[] = [];
  class PrintConsumer extends AsyncConsumer {
    test_print({ text }: { type: string; text: string }): void {
      printed.push(`${this.scope.channel}: ${text}`);
    }
  }
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
  });
  const { worker } = await runBurst({ layer, channels: ["print"], application });
  assertEquals(printed, ["print: Hello"]);
  assertEquals(outcome(worker), { received: 1, handled: 1, failed: 0, dropped: 0 });
});

Deno.test("Worker starts no application before there is an event for it", async () => {
  await using layer = new MemoryChannelLayer();
  let started = 0;
  const application: Application<ChannelScope> = (...args) => {
    started++;
    return idle(...args);
  };
  await using running = await startWorker({ layer, channels: ["letters"], application });
  await running.stop();
  assertEquals(started, 0);
});

Deno.test("Worker handles what is sent before it listens and after", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<string>();
  await layer.send("letters", { type: "before" });
  await using _running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.add((await receive()).type);
    },
  });
  await layer.send("letters", { type: "after" });
  await seen.reach(2);
  assertEquals(seen.items, ["before", "after"]);
});

Deno.test("Worker takes a channel that is named twice for one", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(100));
  let most = 0;
  let running = 0;
  const { worker } = await runBurst({
    layer,
    channels: ["letters", "letters"],
    application: async (_scope, receive) => {
      for (;;) {
        await receive();
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
      }
    },
  });
  assertEquals(most, 1);
  assertEquals(worker.counts.handled, 100);
});

Deno.test("onListening is called once, before any event is handled", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const told: string[] = [];
  const worker = new Worker({
    layer,
    channels: ["letters", "parcels"],
    burst: true,
    onListening: () => told.push("listening"),
    application: async (_scope, receive) => {
      for (;;) told.push((await receive()).type);
    },
  });
  await worker.run();
  assertEquals(told, ["listening", "work", "work", "work"]);
});

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
  assertEquals(seen, upTo(300));
});

for (const concurrency of [1, 2, 5]) {
  Deno.test(`concurrency ${concurrency} runs so many handlers at once, and never more`, async () => {
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
    assertEquals(running.worker.inHand, Array(concurrency).fill("letters/work"));
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

Deno.test("an instance is kept from event to event", async () => {
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
        await new Promise((resolve) => setTimeout(resolve));
      }
    },
  });
  assertEquals(instances, 3);
  assertEquals(worker.counts.handled, 200);
});

Deno.test("an application that returns after an event gets a fresh run for the next", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(20));
  const seen: unknown[] = [];
  let runs = 0;
  const { worker, errors } = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      runs++;
      seen.push((await receive()).number);
    },
  });
  assertEquals(seen, upTo(20));
  assertEquals(runs, 20);
  assertEquals(outcome(worker), { received: 20, handled: 20, failed: 0, dropped: 0 });
  assertEquals(errors, []);
});

Deno.test("counts says what has become of the events", async () => {
  await using layer = new MemoryChannelLayer();
  const types = ["good", "bad", "good", "unknown", "good"];
  await layer.sendMany("letters", types.map((type) => ({ type })));
  class LetterConsumer extends AsyncConsumer {
    good(): void {}
    bad(): void {
      throw new RangeError("No stamp");
    }
  }
  const application = LetterConsumer.asAsgi();
  const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
  assertEquals(outcome(worker), { received: 0, handled: 0, failed: 0, dropped: 0 });
  await worker.run();
  assertEquals(outcome(worker), { received: 5, handled: 3, failed: 1, dropped: 1 });
});

Deno.test("run() can be called again after its end, and not before", async () => {
  await using layer = new MemoryChannelLayer();
  const seen: unknown[] = [];
  const worker = new Worker({
    layer,
    channels: ["letters"],
    burst: true,
    application: async (_scope, receive) => {
      for (;;) seen.push((await receive()).number);
    },
  });
  await layer.sendMany("letters", numbered(3));
  const first = worker.run();
  await assertRejects(() => worker.run(), TypeError, "runs already");
  await first;
  await layer.sendMany("letters", numbered(2));
  await worker.run();
  assertEquals(seen, [0, 1, 2, 0, 1]);
  assertEquals(worker.counts.handled, 5);
});

Deno.test("run() leaves the layer open", async () => {
  await using layer = new MemoryChannelLayer();
  await runBurst({ layer, channels: ["letters"], application: idle });
  await layer.send("letters", { type: "sent" });
  assertStrictEquals((await layer.receive("letters")).type, "sent");
});

Deno.test("run() rejects when a channel has no valid name", async () => {
  await using layer = new MemoryChannelLayer();
  const worker = new Worker({ layer, channels: ["letters to Santa"], application: idle });
  await assertRejects(() => worker.run(), TypeError, "letters to Santa");
});

const NONSENSE: readonly [Partial<WorkerOptions>, string][] = [
  [{ channels: [] }, "at least one channel"],
  [{ concurrency: 0 }, "concurrency must be a positive integer: 0"],
  [{ concurrency: -1 }, "concurrency must be a positive integer: -1"],
  [{ concurrency: 1.5 }, "concurrency must be a positive integer: 1.5"],
  [{ concurrency: NaN }, "concurrency must be a positive integer: NaN"],
  [{ concurrency: Infinity }, "concurrency must be a positive integer: Infinity"],
  [{ shutdownTimeout: -1 }, "shutdownTimeout must be milliseconds, not negative: -1"],
  [{ shutdownTimeout: NaN }, "shutdownTimeout must be milliseconds, not negative: NaN"],
  [{ shutdownTimeout: Infinity }, "shutdownTimeout must be milliseconds, not negative: Infinity"],
];

for (const [options, message] of NONSENSE) {
  Deno.test(`Worker refuses nonsense: ${message}`, async () => {
    await using layer = new MemoryChannelLayer();
    const complete = { layer, channels: ["letters"], application: idle, ...options };
    assertThrows(() => new Worker(complete), RangeError, message);
  });
}
