import { assertEquals, assertGreater } from "@std/assert";
import {
  type Delivery,
  MemoryChannelLayer,
  type Message,
  type ReceiveManyOptions,
  Worker,
} from "@asgi/channels";
import { numbered, numbersOf, range, remaining, Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";
import { pause, within } from "../helpers/waiting.ts";
import { outcome, startWorker } from "../helpers/worker.ts";
import { collecting, unexpected } from "../helpers/applications.ts";

for (const concurrency of [1, 4]) {
  Deno.test(`a stop during ${concurrency} slow handlers loses nothing`, async () => {
    await using layer = new MemoryChannelLayer({ capacity: 1_000 });
    await layer.sendMany("letters", numbered(300));
    const begun = new Tally<Message>();
    const handled = new Tally<Message>();
    await using running = await startWorker({
      layer,
      concurrency,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          const event = await receive();
          begun.add(event);
          await pause(Number(event.number) % 4);
          handled.add(event);
        }
      },
    });
    await handled.reach(50);
    await running.stop();
    assertEquals(begun.items.length, handled.items.length);
    const others = await remaining(layer, "letters");
    assertGreater(others.length, 0);
    assertEquals(numbersOf([...handled.items, ...others]), range(300));
    const { counts } = running.worker;
    assertEquals(counts.received, counts.handled + counts.requeued);
    assertEquals(counts.handled, handled.items.length);
    assertEquals(running.errors, []);
  });
}

Deno.test("a stop requeues what fast handlers have not started", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 20_000 });
  await layer.sendMany("letters", numbered(20_000));
  const handled = new Tally<Message>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: collecting(handled),
  });
  await handled.reach(500);
  await running.stop();
  const others = await remaining(layer, "letters");
  assertEquals(numbersOf([...handled.items, ...others]), range(20_000));
  assertEquals(others.map(({ number }) => number), numbersOf(others));
});

/** Stops a worker when it is about to get the last event, so many turns before. */
class StoppingLayer extends ForwardingLayer {
  readonly control = new AbortController();
  readonly turns: number;

  constructor(turns: number) {
    super(new MemoryChannelLayer());
    this.turns = turns;
  }

  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    if (!deliveries.some((delivery) => delivery.read().type === "last")) return deliveries;
    this.control.abort();
    for (let turn = 0; turn < this.turns; turn++) await Promise.resolve();
    return deliveries;
  }
}

for (const types of [["last"], ["first", "last"]]) {
  const others = types.length - 1;
  Deno.test(`an event that arrives at the moment of a stop is not lost: after ${others}`, async () => {
    for (let turns = 0; turns < 20; turns++) {
      await using layer = new StoppingLayer(turns);
      const seen = new Tally<string>();
      const listening = Promise.withResolvers<void>();
      const worker = new Worker({
        layer,
        channels: ["letters"],
        onListen: () => listening.resolve(),
        concurrency: 2,
        application: async (_scope, receive) => {
          for (;;) {
            seen.add((await receive()).type);
            await pause(2);
          }
        },
      });
      const ended = worker.run({ signal: layer.control.signal });
      await listening.promise;
      for (const [index, type] of types.entries()) {
        await seen.reach(index);
        await layer.send("letters", { type });
      }
      await within(ended, `the end, stopped ${turns} turns before`);
      const others = await remaining(layer, "letters");
      assertEquals([...seen.items, ...others.map(({ type }) => type)], types);
      const { received, requeued } = worker.counts;
      assertEquals(received - requeued, seen.items.length);
    }
  });
}

Deno.test("a stop before the start receives nothing", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const worker = new Worker({
    layer,
    channels: ["letters"],
    application: unexpected,
  });
  await within(worker.run({ signal: AbortSignal.abort() }), "the end");
  assertEquals(numbersOf(await remaining(layer, "letters")), range(3));
  assertEquals(outcome(worker), { received: 0, handled: 0, failed: 0, dropped: 0 });
});
