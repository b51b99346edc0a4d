import { setImmediate } from "node:timers";
import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  type Delivery,
  MemoryChannelLayer,
  type Message,
  type ReceiveManyOptions,
  Worker,
} from "@asgi/channels";
import { numbered, numbersOf, range, remaining, Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";
import { pause, within } from "../helpers/waiting.ts";
import { outcome, runBurst, startWorker } from "../helpers/worker.ts";
import { unexpected } from "../helpers/applications.ts";

Deno.test("a burst ends immediately when the channels are empty", async () => {
  await using layer = new MemoryChannelLayer();
  const application = unexpected;
  const { worker } = await runBurst({ layer, application, channels: ["letters", "parcels"] });
  assertEquals(outcome(worker), { received: 0, handled: 0, failed: 0, dropped: 0 });
});

Deno.test("a burst ends when the channels are empty and the handlers idle", async () => {
  await using layer = new MemoryChannelLayer();
  for (const channel of ["letters", "parcels"]) await layer.sendMany(channel, numbered(20));
  let ended = 0;
  const { worker } = await runBurst({
    layer,
    concurrency: 3,
    channels: ["letters", "parcels"],
    application: async (_scope, receive) => {
      for (;;) {
        await receive();
        await pause(2);
        ended++;
      }
    },
  });
  assertEquals(ended, 40);
  assertEquals(outcome(worker), { received: 40, handled: 40, failed: 0, dropped: 0 });
});

Deno.test("a burst handles what handlers send to another of its channels", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("a", numbered(20));
  const seen: Record<string, Message[]> = { a: [], b: [], c: [] };
  const passOn = (next: string | undefined): Application<ChannelScope> => {
    return async ({ channel }, receive) => {
      for (;;) {
        const event = await receive();
        await pause(0);
        seen[channel]?.push(event);
        if (next) await layer.send(next, event);
      }
    };
  };
  // The first channel is empty when its turn comes first, and gets its events last.
  const application = ChannelNameRouter({ c: passOn(undefined), b: passOn("c"), a: passOn("b") });
  const { worker } = await runBurst({ layer, application, channels: ["c", "b", "a"] });
  for (const channel of ["a", "b", "c"]) assertEquals(numbersOf(seen[channel] ?? []), range(20));
  assertEquals(worker.counts.handled, 60);
});

Deno.test("a burst handles what handlers send to their own channel", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("countdown", { type: "count", from: 10 });
  const seen: number[] = [];
  await runBurst({
    layer,
    channels: ["countdown"],
    application: async ({ channel }, receive) => {
      for (;;) {
        const from = Number((await receive()).from);
        seen.push(from);
        if (from > 0) await layer.send(channel, { type: "count", from: from - 1 });
      }
    },
  });
  assertEquals(seen, range(11).reverse());
});

Deno.test("a burst waits for a handler that sends late", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("a", { type: "slow" });
  const seen: string[] = [];
  await runBurst({
    layer,
    channels: ["b", "a"],
    application: async ({ channel }, receive) => {
      for (;;) {
        await receive();
        await pause(30);
        seen.push(channel);
        if (channel === "a") await layer.send("b", { type: "last" });
      }
    },
  });
  assertEquals(seen, ["a", "b"]);
});

Deno.test("a burst leaves the other channels alone", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(2));
  await layer.sendMany("parcels", numbered(2));
  class SilentConsumer extends AsyncConsumer {
    work(): void {}
  }
  await runBurst({ layer, channels: ["letters"], application: SilentConsumer.asAsgi() });
  assertEquals((await remaining(layer, "parcels")).length, 2);
});

Deno.test("a burst lets the applications finish", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(4));
  let put = 0;
  await runBurst({
    layer,
    concurrency: 2,
    channels: ["letters"],
    application: async (_scope, receive) => {
      try {
        for (;;) {
          await receive();
          await Promise.resolve();
        }
      } finally {
        put++;
      }
    },
  });
  assertEquals(put, 2);
});

Deno.test("a burst can be stopped before its end", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(10));
  const begun = new Tally<Message>();
  const control = new AbortController();
  const worker = new Worker({
    layer,
    channels: ["letters"],
    burst: true,
    application: async (_scope, receive) => {
      for (;;) {
        begun.add(await receive());
        await pause(15);
      }
    },
  });
  const ended = worker.run({ signal: control.signal });
  await begun.reach(2);
  control.abort();
  await within(ended, "the end");
  const others = await remaining(layer, "letters");
  assertEquals(numbersOf([...begun.items, ...others]), range(10));
});

Deno.test("a burst ends although all its handlers fail", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(10));
  const application = () => Promise.reject(new RangeError("No stamp"));
  const { worker } = await runBurst({ layer, channels: ["letters"], application, concurrency: 3 });
  assertEquals(worker.counts.failed, 10);
});

/**
 * As with a socket, a request leaves when the event loop turns, and its answer takes a while; notes
 * how much was handled before each request could leave.
 */
class RemoteLayer extends ForwardingLayer {
  readonly handled = new Tally<Message>();
  readonly handledBefore: number[] = [];

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const before = this.handled.items.length;
    await new Promise((resolve) => setImmediate(resolve));
    this.handledBefore.push(this.handled.items.length - before);
    await pause(5);
    return await super.receiveMany(channel, options);
  }
}

for (const burst of [false, true]) {
  const who = burst ? "a burst" : "a worker that listens";
  Deno.test(`${who} requests the next batch before it handles one`, async () => {
    await using layer = new RemoteLayer(new MemoryChannelLayer({ capacity: 20_000 }));
    await layer.sendMany("letters", numbered(20_000));
    const application: Application<ChannelScope> = async (_scope, receive) => {
      for (;;) layer.handled.add(await receive());
    };
    const options = { layer, application, channels: ["letters"] };
    await using stack = new AsyncDisposableStack();
    if (burst) await runBurst(options);
    else stack.use(await startWorker(options));
    await layer.handled.reach(20_000);
    const overlapped = layer.handledBefore.filter((count) => count < 10);
    assertGreater(layer.handledBefore.length, 20);
    assertGreater(overlapped.length, layer.handledBefore.length * 0.8);
  });
}

Deno.test("a burst on a closed layer rejects", async () => {
  const layer = new MemoryChannelLayer();
  await layer.close();
  const application = async () => {};
  const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
  await assertRejects(() => worker.run(), Error, "closed");
});

/** A layer whose full batches have expired by the time that a handler is free. */
class LateLayer extends ForwardingLayer {
  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    if (deliveries.length < options.limit || options.limit === 1) return deliveries;
    return deliveries.map((delivery) => ({ channel, expiresAt: 0, read: () => delivery.read() }));
  }
}

Deno.test("a burst ends if all events of a batch have expired before a handler is free", async () => {
  await using layer = new LateLayer(new MemoryChannelLayer({ capacity: 10_000 }));
  await layer.sendMany("letters", numbered(5_000));
  const application: Application<ChannelScope> = async (_scope, receive) => {
    for (;;) await receive();
  };
  const { worker } = await runBurst({ layer, application, channels: ["letters"] });
  const { received, handled, dropped } = worker.counts;
  assertEquals([received, handled + dropped], [5_000, 5_000]);
  assertGreater(dropped, 0);
});
