import { assert, assertEquals } from "@std/assert";
import { MemoryChannelLayer, Worker } from "@asgi/channels";
import { numbered, Tally } from "../helpers/events.ts";
import { linesOf, outcome, runBurst, startWorker } from "../helpers/worker.ts";

Deno.test("a failure is logged once, with the channel, the type and the error", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "letter.sent" });
  const failure = new RangeError("No stamp");
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      await receive();
      throw failure;
    },
  });
  const entries = told.log.filter(({ level }) => level !== "debug");
  assertEquals(entries.length, 1);
  const [entry] = entries;
  assertEquals(entry?.level, "error");
  assertEquals(entry?.channel, "letters");
  assertEquals(entry?.type, "letter.sent");
  assertEquals(entry?.error, failure);
  const event = { channel: "letters", type: "letter.sent" };
  assertEquals(told.errors, [{ error: failure, event }]);
});

Deno.test("an onError that throws is logged, and the worker keeps running", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(6));
  const told = await runBurst({
    layer,
    channels: ["letters"],
    onError: () => {
      throw new Error("The reporter is down");
    },
    application: async (_scope, receive) => {
      for (;;) if (Number((await receive()).number) % 2 === 0) throw new RangeError("No stamp");
    },
  });
  assertEquals(outcome(told.worker), { received: 6, handled: 3, failed: 3, dropped: 0 });
  const lines = linesOf(told, "error").filter((line) => line.includes("onError"));
  assertEquals(lines.length, 3);
});

Deno.test("an onError that rejects is logged, and the worker keeps running", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(2));
  const told = await runBurst({
    layer,
    channels: ["letters"],
    onError: () => Promise.reject(new Error("The reporter is down")),
    application: () => Promise.reject(new RangeError("No stamp")),
  });
  assertEquals(told.worker.counts.failed, 2);
  const lines = linesOf(told, "error").filter((line) => line.includes("onError"));
  assertEquals(lines.length, 2);
});

Deno.test("a log that throws doesn't end the worker", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  const worker = new Worker({
    layer,
    channels: ["letters"],
    burst: true,
    application: () => Promise.reject(new RangeError("No stamp")),
    log: () => {
      throw new Error("The log is full");
    },
  });
  await worker.run();
  assertEquals(worker.counts.failed, 3);
});

Deno.test("a Worker without log and onError counts its failures", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(2));
  const application = () => Promise.reject(new RangeError("No stamp"));
  const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
  await worker.run();
  assertEquals(worker.counts.failed, 2);
});

Deno.test("an application that fails without an event in flight is logged and replaced", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<string>();
  const failed = new Tally();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    onError: (_error, { type }) => failed.add(type),
    application: async (_scope, receive) => {
      seen.add((await receive()).type);
      const next = receive();
      if (seen.items.length === 1) throw new RangeError("No stamp");
      seen.add((await next).type);
    },
  });
  await layer.send("letters", { type: "one" });
  await failed.reach(1);
  await layer.sendMany("letters", [{ type: "two" }, { type: "three" }]);
  await seen.reach(3);
  await running.stop();
  assertEquals(seen.items, ["one", "two", "three"]);
  assertEquals(failed.items, [undefined]);
  assertEquals(outcome(running.worker), { received: 3, handled: 3, failed: 0, dropped: 0 });
  assert(linesOf(running, "error")[0]?.includes("without an event"));
});
