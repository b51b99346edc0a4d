import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { MemoryChannelLayer, ShutdownTimeoutError } from "@asgi/channels";
import { numbered, remaining, Tally } from "../helpers/events.ts";
import { linesOf, startWorker } from "../helpers/worker.ts";
import { collecting } from "../helpers/applications.ts";

Deno.test("ShutdownTimeoutError lists the events whose handlers were interrupted", async () => {
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
  assertEquals(error.interrupted.toSorted(), [
    "letters/slow.one",
    "letters/slow.two",
    "parcels/slow.three",
  ]);
  assertStringIncludes(error.message, "after 10 ms were interrupted: letters/slow.one");
  assertEquals((await remaining(layer, "letters")).map(({ type }) => type), ["later"]);
  gate.resolve();
});

Deno.test("shutdownTimeout 0 interrupts running handlers immediately", async () => {
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

Deno.test("a drain that ends in time logs nothing", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(5));
  const seen = new Tally();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: collecting(seen),
  });
  await seen.reach(5);
  await running.stop();
  assertEquals([...linesOf(running, "warn"), ...linesOf(running, "error")], []);
});
