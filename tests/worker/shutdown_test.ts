import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  AsyncConsumer,
  closeChannelLayers,
  configureChannelLayers,
  type Delivery,
  MemoryChannelLayer,
  type Message,
  type ReceiveManyOptions,
  ServerStoppedError,
  ShutdownTimeoutError,
  Worker,
} from "@asgi/channels";
import { ForwardingLayer } from "../testing/forwarding_layer.ts";
import { within } from "../testing/within.ts";
import { linesOf, outcome, startWorker } from "./start_worker.ts";
import { numbered, numbersOf, remaining, Tally, upTo } from "./tally.ts";

for (const concurrency of [1, 4]) {
  Deno.test(`a stop amid ${concurrency} slow handlers loses nothing`, async () => {
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
          await new Promise((resolve) => setTimeout(resolve, Number(event.number) % 4));
          handled.add(event);
        }
      },
    });
    await handled.reach(50);
    await running.stop();
    assertEquals(begun.items.length, handled.items.length);
    const others = await remaining(layer, "letters");
    assertGreater(others.length, 0);
    assertEquals(numbersOf([...handled.items, ...others]), upTo(300));
    assertEquals(running.worker.counts.received, handled.items.length);
    assertEquals(running.worker.counts.handled, handled.items.length);
    assertEquals(running.errors, []);
  });
}

Deno.test("a stop hands back what quick handlers have not begun", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 20_000 });
  await layer.sendMany("letters", numbered(20_000));
  const handled = new Tally<Message>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) handled.add(await receive());
    },
  });
  await handled.reach(500);
  await running.stop();
  const others = await remaining(layer, "letters");
  assertEquals(numbersOf([...handled.items, ...others]), upTo(20_000));
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
  Deno.test(`an event that arrives in the moment of a stop is not lost: after ${others}`, async () => {
    for (let turns = 0; turns < 20; turns++) {
      await using layer = new StoppingLayer(turns);
      const seen = new Tally<string>();
      const listening = Promise.withResolvers<void>();
      const worker = new Worker({
        layer,
        channels: ["letters"],
        onListening: () => listening.resolve(),
        concurrency: 2,
        application: async (_scope, receive) => {
          for (;;) {
            seen.add((await receive()).type);
            await new Promise((resolve) => setTimeout(resolve, 2));
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
      assertEquals(worker.counts.received, seen.items.length);
    }
  });
}

Deno.test("a stop before the beginning takes nothing", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const worker = new Worker({
    layer,
    channels: ["letters"],
    application: () => Promise.reject(new Error("Not expected to be called")),
  });
  await within(worker.run({ signal: AbortSignal.abort() }), "the end");
  assertEquals(numbersOf(await remaining(layer, "letters")), upTo(3));
  assertEquals(outcome(worker), { received: 0, handled: 0, failed: 0, dropped: 0 });
});

Deno.test("a worker that was stopped can be run again", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<Message>();
  const worker = new Worker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.add(await receive());
    },
  });
  for (let round = 1; round <= 2; round++) {
    const control = new AbortController();
    const ended = worker.run({ signal: control.signal });
    await layer.send("letters", { type: "sent", round });
    await seen.reach(round);
    control.abort();
    await within(ended, "the end");
  }
  assertEquals(seen.items.map(({ round }) => round), [1, 2]);
});

Deno.test("run() leaves nothing behind on its signal", async () => {
  await using layer = new MemoryChannelLayer();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  const application = async () => {};
  const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
  const ended = worker.run({ signal });
  assertEquals(listeners.size, 1);
  await ended;
  assertEquals(listeners.size, 0);
});

Deno.test("a stop rejects a pending receive() with a ServerStoppedError", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<unknown>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      try {
        seen.add((await receive()).type);
        seen.add((await receive()).type);
      } catch (error) {
        seen.add(error);
        throw error;
      } finally {
        seen.add("put away");
      }
    },
  });
  await layer.send("letters", { type: "sent" });
  await seen.reach(1);
  await running.stop();
  assertInstanceOf(seen.items[1], ServerStoppedError);
  assertEquals(seen.items[2], "put away");
  assertEquals(running.errors, []);
  assertEquals(outcome(running.worker), { received: 1, handled: 1, failed: 0, dropped: 0 });
});

Deno.test("a stop waits for what an application puts away", async () => {
  await using layer = new MemoryChannelLayer();
  const putAway = Promise.withResolvers<void>();
  const seen = new Tally<string>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      try {
        for (;;) seen.add((await receive()).type);
      } finally {
        seen.add("putting away");
        await putAway.promise;
        seen.add("put away");
      }
    },
  });
  await layer.send("letters", { type: "sent" });
  await seen.reach(1);
  const stopped = running.stop();
  await seen.reach(2);
  putAway.resolve();
  await stopped;
  assertEquals(seen.items, ["sent", "putting away", "put away"]);
});

Deno.test("a stop rejects the next receive() of a handler that runs", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const begun = new Tally<Message>();
  const gate = Promise.withResolvers<void>();
  let refusal: unknown;
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      begun.add(await receive());
      await gate.promise;
      await receive().catch((error) => refusal = error);
    },
  });
  await begun.reach(1);
  const stopped = running.stop();
  gate.resolve();
  await stopped;
  assertInstanceOf(refusal, ServerStoppedError);
  assertEquals(running.worker.counts.handled, 1);
  assertEquals(numbersOf(await remaining(layer, "letters")), [1, 2]);
});

Deno.test("a stop isn't held up by an application that swallows it and asks for ever", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<string>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        try {
          seen.add((await receive()).type);
        } catch {
          // It goes on, whatever happens.
        }
      }
    },
  });
  await layer.send("letters", { type: "sent" });
  await seen.reach(1);
  await running.stop();
  assertEquals(outcome(running.worker), { received: 1, handled: 1, failed: 0, dropped: 0 });
});

Deno.test("an error that answers to a stop is reported, and the stop goes on", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<string>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      seen.add((await receive()).type);
      await receive().catch((cause) => {
        throw new RangeError("No stamp", { cause });
      });
    },
  });
  await layer.send("letters", { type: "sent" });
  await seen.reach(1);
  await running.stop();
  assertEquals(running.errors.length, 1);
  assertInstanceOf(running.errors[0]?.error, RangeError);
});

Deno.test("a handler that fails during the drain is reported", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "sent" });
  const begun = new Tally();
  const gate = Promise.withResolvers<void>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      begun.add(await receive());
      await gate.promise;
      throw new RangeError("No stamp");
    },
  });
  await begun.reach(1);
  const stopped = running.stop();
  gate.resolve();
  await stopped;
  assertEquals(outcome(running.worker), { received: 1, handled: 0, failed: 1, dropped: 0 });
  assertEquals(running.errors[0]?.event, { channel: "letters", type: "sent" });
});

Deno.test("a stop lets a handler of a consumer's own channel finish", async () => {
  await using layer = new MemoryChannelLayer();
  configureChannelLayers({ default: layer });
  const told = new Tally<string>();
  const gate = Promise.withResolvers<void>();
  class SlowConsumer extends AsyncConsumer {
    async open(): Promise<void> {
      await this.channelLayer.send(this.channelName, { type: "slow" });
    }
    async slow(): Promise<void> {
      told.add("begun");
      await gate.promise;
      told.add("ended");
    }
  }
  const application = SlowConsumer.asAsgi();
  await using running = await startWorker({ layer, application, channels: ["letters"] });
  await layer.send("letters", { type: "open" });
  await told.reach(1);
  const stopped = running.stop();
  gate.resolve();
  await stopped;
  assertEquals(told.items, ["begun", "ended"]);
  await closeChannelLayers();
  configureChannelLayers({});
});

Deno.test("ShutdownTimeoutError lists the events whose handlers were cut off", async () => {
  await using layer = new MemoryChannelLayer();
  const begun = new Tally();
  const gate = Promise.withResolvers<void>();
  const running = await startWorker({
    layer,
    shutdownTimeout: 10,
    concurrency: 2,
    channels: ["letters", "parcels", "postcards"],
    application: async (_scope, receive) => {
      for (;;) {
        const { type } = await receive();
        begun.add(type);
        if (type !== "quick") await gate.promise;
      }
    },
  });
  await layer.sendMany("letters", [{ type: "slow.one" }, { type: "slow.two" }, { type: "later" }]);
  await layer.send("parcels", { type: "slow.three" });
  await layer.send("postcards", { type: "quick" });
  await begun.reach(4);
  const error = await assertRejects(() => running.stop(), ShutdownTimeoutError);
  assertEquals(error.timeout, 10);
  assertEquals(error.cutOff.toSorted(), [
    "letters/slow.one",
    "letters/slow.two",
    "parcels/slow.three",
  ]);
  assertStringIncludes(error.message, "after 10 ms were cut off: letters/slow.one");
  assertEquals((await remaining(layer, "letters")).map(({ type }) => type), ["later"]);
  gate.resolve();
});

Deno.test("shutdownTimeout 0 gives handlers that run no time", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "slow" });
  const begun = new Tally();
  const running = await startWorker({
    layer,
    shutdownTimeout: 0,
    channels: ["letters"],
    application: async (_scope, receive) => {
      begun.add(await receive());
      await new Promise(() => {});
    },
  });
  await begun.reach(1);
  await assertRejects(() => running.stop(), ShutdownTimeoutError, "letters/slow");
});

Deno.test("a drain that is over in time leaves no word in the log", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(5));
  const seen = new Tally();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.add(await receive());
    },
  });
  await seen.reach(5);
  await running.stop();
  assertEquals([...linesOf(running, "warn"), ...linesOf(running, "error")], []);
});
