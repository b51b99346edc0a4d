import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { AsyncConsumer, MemoryChannelLayer, Worker, type WorkerOptions } from "@asgi/channels";
import { numbered } from "../helpers/events.ts";
import { outcome, runBurst } from "../helpers/worker.ts";
import { idle } from "../helpers/applications.ts";

Deno.test("onListen is called once, before any event is handled", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const told: string[] = [];
  const worker = new Worker({
    layer,
    channels: ["letters", "parcels"],
    burst: true,
    onListen: () => told.push("listening"),
    application: async (_scope, receive) => {
      for (;;) told.push((await receive()).type);
    },
  });
  await worker.run();
  assertEquals(told, ["listening", "work", "work", "work"]);
});

Deno.test("counts has the outcomes of the events", async () => {
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
  await assertRejects(() => worker.run(), TypeError, "already running");
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

Deno.test("run() rejects when a channel has an invalid name", async () => {
  await using layer = new MemoryChannelLayer();
  const worker = new Worker({ layer, channels: ["letters to Santa"], application: idle });
  await assertRejects(() => worker.run(), TypeError, "letters to Santa");
});

const NONSENSE: readonly [Partial<WorkerOptions>, string][] = [
  [{ channels: [] }, "at least one channel"],
  [{ concurrency: 0 }, "concurrency must be a positive integer, got 0"],
  [{ concurrency: -1 }, "concurrency must be a positive integer, got -1"],
  [{ concurrency: 1.5 }, "concurrency must be a positive integer, got 1.5"],
  [{ concurrency: NaN }, "concurrency must be a positive integer, got NaN"],
  [{ concurrency: Infinity }, "concurrency must be a positive integer, got Infinity"],
  [
    { shutdownTimeout: -1 },
    "shutdownTimeout must be a number of milliseconds from 0 to 2147483647, got -1",
  ],
  [
    { shutdownTimeout: NaN },
    "shutdownTimeout must be a number of milliseconds from 0 to 2147483647, got NaN",
  ],
  [
    { shutdownTimeout: Infinity },
    "shutdownTimeout must be a number of milliseconds from 0 to 2147483647, got Infinity",
  ],
];

for (const [options, message] of NONSENSE) {
  Deno.test(`Worker rejects invalid options: ${message}`, async () => {
    await using layer = new MemoryChannelLayer();
    const complete = { layer, channels: ["letters"], application: idle, ...options };
    assertThrows(() => new Worker(complete), RangeError, message);
  });
}
