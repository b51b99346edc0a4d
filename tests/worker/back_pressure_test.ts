import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertStringIncludes,
} from "@std/assert";
import {
  type Application,
  type ChannelScope,
  type Delivery,
  MemoryChannelLayer,
  type Message,
  type ReceiveManyOptions,
} from "@asgi/channels";
import { numbered, numbersOf, range, remaining, Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";
import { linesOf, outcome, runBurst, startWorker, warmUp } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";

/** Records the limits, and counts delivered and requeued events. */
class ObservedLayer extends ForwardingLayer {
  readonly limits: number[] = [];
  given = 0;
  requeued = 0;

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    this.limits.push(options.limit);
    const deliveries = await super.receiveMany(channel, options);
    this.given += deliveries.length;
    return deliveries;
  }

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    this.requeued += deliveries.length;
    await super.requeue(deliveries);
  }
}

for (const concurrency of [1, 3]) {
  Deno.test(`a worker prefetches nothing beside ${concurrency} slow handlers`, async () => {
    await using layer = new MemoryChannelLayer({ capacity: 1_000 });
    await layer.sendMany("letters", numbered(1_000));
    const gate = Promise.withResolvers<void>();
    const begun = new Tally<Message>();
    await using running = await startWorker({
      layer,
      concurrency,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          begun.add(await receive());
          await gate.promise;
        }
      },
    });
    await begun.reach(concurrency);
    const others = await remaining(layer, "letters");
    assertEquals(numbersOf(others), range(1_000).slice(concurrency));
    assertEquals(running.worker.counts.received, concurrency);
    gate.resolve();
    await running.stop();
    assertEquals(begun.items.length, concurrency);
  });
}

Deno.test("a worker with slow handlers never fetches more events than it can start", async () => {
  await using layer = new ObservedLayer(new MemoryChannelLayer());
  await layer.sendMany("letters", numbered(12));
  let held = 0;
  let most = 0;
  await runBurst({
    layer,
    concurrency: 2,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        await receive();
        most = Math.max(most, layer.given - held);
        await pause(25);
        held++;
      }
    },
  });
  assertEquals(most, 2);
  assertLessOrEqual(Math.max(...layer.limits), 2);
});

Deno.test("two workers with slow handlers share the events of a channel", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(20));
  const all = new Tally<Message>();
  const shares = [0, 0];
  const start = (index: number) =>
    startWorker({
      layer,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          const event = await receive();
          await pause(20);
          shares[index] = (shares[index] ?? 0) + 1;
          all.add(event);
        }
      },
    });
  await using _one = await start(0);
  await using _other = await start(1);
  await all.reach(20);
  assertEquals(numbersOf(all.items), range(20));
  for (const share of shares) assertGreaterOrEqual(share, 8);
});

Deno.test("a worker fetches large batches when handlers are fast, up to a limit", async () => {
  await using layer = new ObservedLayer(new MemoryChannelLayer({ capacity: 20_000 }));
  await layer.sendMany("letters", numbered(20_000));
  const { worker } = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) await receive();
    },
  });
  assertEquals(worker.counts.handled, 20_000);
  assertEquals(layer.limits[0], 1);
  assertGreater(Math.max(...layer.limits), 100);
  assertLessOrEqual(Math.max(...layer.limits), 513);
});

Deno.test("a worker fetches large batches for an application that returns after each event", async () => {
  await using layer = new ObservedLayer(new MemoryChannelLayer({ capacity: 2_000 }));
  await layer.sendMany("letters", numbered(2_000));
  const { worker } = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => void await receive(),
  });
  assertEquals(worker.counts.handled, 2_000);
  assertGreater(Math.max(...layer.limits), 100);
});

Deno.test("a handler that hangs keeps no waiting event from another worker", async () => {
  await using layer = new ObservedLayer(new MemoryChannelLayer({ capacity: 1_000 }));
  const events = numbered(420);
  await layer.sendMany("letters", events.with(300, { type: "hang", number: 300 }));
  const all = new Tally<Message>();
  const gate = Promise.withResolvers<void>();
  const hanging = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (_scope, receive) => {
    for (;;) {
      const event = await receive();
      if (event.type === "hang") {
        hanging.resolve();
        await gate.promise;
      }
      all.add(event);
    }
  };
  await using one = await startWorker({ layer, channels: ["letters"], application });
  await hanging.promise;
  await using other = await startWorker({ layer, channels: ["letters"], application });
  await all.reach(419);
  assertEquals(one.worker.inFlight, ["letters/hang"]);
  assertGreater(layer.requeued, 0);
  assertEquals(one.worker.counts.requeued, layer.requeued);
  const received = one.worker.counts.received + other.worker.counts.received;
  assertEquals(received - layer.requeued, 420);
  gate.resolve();
  await all.reach(420);
  assertEquals(numbersOf(all.items), range(420));
});

Deno.test("a requeued event keeps its position in the channel", async () => {
  await using layer = new ObservedLayer(new MemoryChannelLayer({ capacity: 1_000 }));
  const events = numbered(420);
  await layer.sendMany("letters", events.with(300, { type: "hang", number: 300 }));
  const all = new Tally<Message>();
  await using _running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const event = await receive();
        if (event.type === "hang") await pause(200);
        all.add(event);
      }
    },
  });
  await all.reach(420);
  assertGreater(layer.requeued, 0);
  assertEquals(all.items.map(({ number }) => number), range(420));
});

/** Requeues when the test opens the gate. */
class SlowHandBackLayer extends ForwardingLayer {
  readonly asked = Promise.withResolvers<void>();
  readonly gate = Promise.withResolvers<void>();

  override async requeue(deliveries: readonly Delivery[]): Promise<void> {
    this.asked.resolve();
    await this.gate.promise;
    await super.requeue(deliveries);
  }
}

Deno.test("an event is requeued before more events are fetched", async () => {
  await using layer = new SlowHandBackLayer(new MemoryChannelLayer());
  const seen = new Tally<string>();
  await using _running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const { type } = await receive();
        if (type === "slow") await layer.asked.promise;
        seen.add(type);
      }
    },
  });
  await warmUp(layer, seen);
  await layer.sendMany("letters", [{ type: "slow" }, { type: "second" }, { type: "third" }]);
  await seen.reach(51);
  await layer.send("letters", { type: "newest" });
  await pause(5);
  layer.gate.resolve();
  await seen.reach(54);
  assertEquals(seen.items.slice(50), ["slow", "second", "third", "newest"]);
});

/** Lets the events of a batch, except the last one, expire soon after they were fetched. */
class ExpiringLayer extends ForwardingLayer {
  expiresAt: number | undefined;

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    if (deliveries.length < 3) return deliveries;
    const expiresAt = this.expiresAt = Date.now() + 60;
    return deliveries.map((delivery, index) =>
      index === deliveries.length - 1
        ? delivery
        : { channel, expiresAt, read: () => delivery.read() }
    );
  }
}

Deno.test("an event that expires behind a slow handler is never handled", async () => {
  await using layer = new ExpiringLayer(new MemoryChannelLayer());
  const seen = new Tally<string>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const { type } = await receive();
        // It burns the time until the event behind it has expired.
        while (type === "slow" && Date.now() <= (layer.expiresAt ?? 0));
        seen.add(type);
      }
    },
  });
  await warmUp(layer, seen);
  await layer.sendMany("letters", [{ type: "slow" }, { type: "short.lived" }, { type: "last" }]);
  await seen.reach(52);
  await running.stop();
  assertEquals(seen.items.slice(50), ["slow", "last"]);
  assertEquals(outcome(running.worker), { received: 53, handled: 52, failed: 0, dropped: 1 });
  assertEquals(running.worker.counts.droppedBy.expired, 1);
  assertStringIncludes(linesOf(running, "warn")[0] ?? "", "expired");
});
