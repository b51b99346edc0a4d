import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  AsyncConsumer,
  closeChannelLayers,
  configureChannelLayers,
  MemoryChannelLayer,
  type Message,
  Worker,
} from "@asgi/channels";
import { ServerStoppedError } from "../../src/errors/mod.ts";
import { numbered, numbersOf, remaining, Tally } from "../helpers/events.ts";
import { within } from "../helpers/waiting.ts";
import { outcome, startWorker } from "../helpers/worker.ts";
import { collecting } from "../helpers/applications.ts";

Deno.test("a worker that was stopped can be run again", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<Message>();
  const worker = new Worker({
    layer,
    channels: ["letters"],
    application: collecting(seen),
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

Deno.test("run() removes its listeners from its signal", async () => {
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

Deno.test("a stop waits for the cleanup of an application", async () => {
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

Deno.test("a stop rejects the next receive() of a running handler", async () => {
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

Deno.test("a stop isn't delayed by an application that ignores it and calls receive() forever", async () => {
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
          // It continues, whatever happens.
        }
      }
    },
  });
  await layer.send("letters", { type: "sent" });
  await seen.reach(1);
  await running.stop();
  assertEquals(outcome(running.worker), { received: 1, handled: 1, failed: 0, dropped: 0 });
});

Deno.test("an error in response to a stop is reported, and the stop continues", async () => {
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
