import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import {
  LayerClosedError,
  LayerConfigurationError,
  MemoryChannelLayer,
  type Message,
  Worker,
} from "@asgi/channels";
import { numbered, numbersOf, range, Tally } from "../helpers/events.ts";
import { pause, within } from "../helpers/waiting.ts";
import { linesOf, outcome, startWithoutWaiting, startWorker } from "../helpers/worker.ts";
import { FlakyLayer } from "./flaky_layer.ts";
import { collecting } from "../helpers/applications.ts";

Deno.test("a layer that becomes unavailable and recovers costs two lines and no event", async () => {
  const inner = new MemoryChannelLayer();
  await using layer = new FlakyLayer(inner);
  const seen = new Tally<Message>();
  const application = collecting(seen);
  await using running = await startWorker({ layer, application, channels: ["letters", "parcels"] });
  const events = numbered(20);
  await inner.sendMany("letters", events.slice(0, 10));
  await seen.reach(10);
  layer.fail();
  await inner.sendMany("letters", events.slice(10, 15));
  await inner.sendMany("parcels", events.slice(15));
  await layer.refusals.reach(4);
  assertEquals(seen.items.length, 10);
  layer.recover();
  await seen.reach(20);
  await running.stop();
  assertEquals(numbersOf(seen.items), range(20));
  const errors = linesOf(running, "error");
  assertEquals(errors.length, 1);
  assertStringIncludes(errors[0] ?? "", "Lost connection to away: (It went away); retrying");
  assertMatch(linesOf(running, "info").join("\n"), /^Reconnected to memory: after \d+\.\d s$/);
  assertEquals(running.errors, []);
  assertEquals(outcome(running.worker), { received: 20, handled: 20, failed: 0, dropped: 0 });
});

Deno.test("the recovery of a layer is logged before there is an event", async () => {
  await using layer = new FlakyLayer(new MemoryChannelLayer());
  const back = Promise.withResolvers<void>();
  await using _running = await startWorker({
    layer,
    channels: ["letters"],
    application: collecting(new Tally()),
    log: ({ level }) => level === "info" && back.resolve(),
  });
  layer.fail();
  await layer.refusals.reach(1);
  layer.recover();
  await within(back.promise, "the line in the log");
});

Deno.test("running handlers continue while the layer is unavailable", async () => {
  const inner = new MemoryChannelLayer();
  await using layer = new FlakyLayer(inner);
  const gate = Promise.withResolvers<void>();
  const begun = new Tally<Message>();
  const ended = new Tally<Message>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const event = await receive();
        begun.add(event);
        await gate.promise;
        ended.add(event);
      }
    },
  });
  await inner.sendMany("letters", numbered(2));
  await begun.reach(1);
  layer.fail();
  gate.resolve();
  await ended.reach(1);
  await layer.refusals.reach(1);
  layer.recover();
  await ended.reach(2);
  await running.stop();
});

Deno.test("a worker whose layer is unavailable at its start listens when it recovers", async () => {
  const inner = new MemoryChannelLayer();
  await inner.sendMany("letters", numbered(3));
  await using layer = new FlakyLayer(inner);
  layer.fail();
  const seen = new Tally<Message>();
  const application = collecting(seen);
  await using running = startWithoutWaiting({ layer, application, channels: ["letters"] });
  let listening = false;
  running.listening.then(() => listening = true);
  await layer.refusals.reach(2);
  assertEquals(listening, false);
  const expected = ["Cannot connect to away: (It went away); retrying"];
  assertEquals(linesOf(running, "error"), expected);
  layer.recover();
  await within(running.listening, "the worker to listen");
  await seen.reach(3);
  assertMatch(linesOf(running, "info").join("\n"), /^Connected to memory: after \d+\.\d s$/);
});

Deno.test("a worker that is stopped before its layer answers never listens", async () => {
  await using layer = new FlakyLayer(new MemoryChannelLayer());
  layer.fail();
  let listening = false;
  const control = new AbortController();
  const worker = new Worker({
    layer,
    channels: ["letters"],
    application: collecting(new Tally()),
    onListen: () => listening = true,
  });
  const ended = worker.run({ signal: control.signal });
  await layer.refusals.reach(1);
  control.abort();
  await within(ended, "the end");
  // What was still under way has its turn.
  await pause(0);
  assertEquals(listening, false);
});

Deno.test("a worker can be stopped while its layer is unavailable", async () => {
  await using layer = new FlakyLayer(new MemoryChannelLayer());
  await using running = await startWorker({
    layer,
    application: collecting(new Tally()),
    channels: ["letters"],
  });
  layer.fail();
  await layer.refusals.reach(1);
  await running.stop();
});

Deno.test("a layer that becomes unavailable twice is logged twice", async () => {
  await using layer = new FlakyLayer(new MemoryChannelLayer());
  const seen = new Tally<Message>();
  const application = collecting(seen);
  await using running = await startWorker({ layer, application, channels: ["letters"] });
  for (let time = 1; time <= 2; time++) {
    layer.fail();
    await layer.refusals.reach(time);
    layer.recover();
    await layer.inner.send("letters", { type: "sent" });
    await seen.reach(time);
  }
  await running.stop();
  assertEquals(linesOf(running, "error").length, 2);
  assertEquals(linesOf(running, "info").length, 2);
  assertEquals(running.worker.counts.outages, 2);
});

Deno.test("a LayerConfigurationError rejects run()", async () => {
  await using layer = new FlakyLayer(new MemoryChannelLayer());
  layer.fail(new LayerConfigurationError({ layer: "away:", reason: "It needs a password" }));
  const application = collecting(new Tally());
  const worker = new Worker({ layer, application, channels: ["letters"] });
  await assertRejects(() => within(worker.run(), "the end"), LayerConfigurationError, "password");
  assertEquals(layer.refusals.items.length, 1);
});

Deno.test("a later LayerConfigurationError rejects run(), after running handlers", async () => {
  const inner = new MemoryChannelLayer();
  await using layer = new FlakyLayer(inner);
  const gate = Promise.withResolvers<void>();
  const told = new Tally<string>();
  const running = await startWorker({
    layer,
    channels: ["letters", "parcels"],
    application: async (_scope, receive) => {
      for (;;) {
        told.add((await receive()).type);
        await gate.promise;
        told.add("done");
      }
    },
  });
  running.ended.catch(() => told.add("ended"));
  await inner.send("letters", { type: "sent" });
  await told.reach(1);
  layer.fail(new LayerConfigurationError({ layer: "away:", reason: "It needs a password" }));
  gate.resolve();
  await assertRejects(() => within(running.ended, "the end"), LayerConfigurationError, "password");
  assertEquals(told.items, ["sent", "done", "ended"]);
});

Deno.test("a layer that is closed under a worker rejects run()", async () => {
  const layer = new MemoryChannelLayer();
  const application = collecting(new Tally());
  const running = await startWorker({ layer, application, channels: ["letters"] });
  await layer.close();
  await assertRejects(() => within(running.ended, "the end"), LayerClosedError);
});
