import {
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  type Delivery,
  MemoryChannelLayer,
  type Message,
  NoHandlerError,
  NoRouteError,
  type ReceiveManyOptions,
  UndecodableMessageError,
} from "@asgi/channels";
import { numbered, numbersOf, range, Tally } from "../helpers/events.ts";
import { ForwardingLayer } from "../helpers/layers.ts";
import { linesOf, outcome, runBurst, startWorker } from "../helpers/worker.ts";

/** What `droppedBy` is where nothing was dropped. */
const NONE = { expired: 0, undecodable: 0, untyped: 0, unknown: 0, ignored: 0, invalid: 0 };

/** Something that isn't a message, as another program might send it. */
function oddity(value: Record<string, unknown>): Message {
  return value as Message;
}

const ODDITIES: readonly Record<string, unknown>[] = [
  { text: "without a type" },
  {},
  { type: 5 },
  { type: null },
  { type: ["good"] },
  { type: { good: true } },
  { type: "" },
  { type: "unknown" },
  { type: "constructor" },
  { type: "__proto__" },
  { type: "prototype" },
  { type: "toString" },
  { type: "dispatch" },
  { type: "send" },
  { type: "_private" },
  { type: ".private" },
];

Deno.test("the worker keeps running after events without a handler", async () => {
  await using layer = new MemoryChannelLayer();
  for (const value of ODDITIES) {
    await layer.sendMany("letters", [{ type: "good" }, oddity(value)]);
  }
  let good = 0;
  class LetterConsumer extends AsyncConsumer {
    good(): void {
      good++;
    }
    _private(): void {
      throw new Error("Not expected to be called");
    }
  }
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: LetterConsumer.asAsgi(),
  });
  const count = ODDITIES.length;
  assertEquals(good, count);
  assertEquals(outcome(told.worker), {
    received: 2 * count,
    handled: count,
    failed: 0,
    dropped: count,
  });
  const lines = [...linesOf(told, "warn"), ...linesOf(told, "error")];
  assertEquals(lines.length, count);
  for (const line of lines) assertStringIncludes(line, "Dropped an event");
  for (const { error } of told.errors) assertInstanceOf(error, NoHandlerError);
  const untyped = ODDITIES.filter(({ type }) => typeof type !== "string").length;
  const { droppedBy } = told.worker.counts;
  assertEquals(droppedBy, { ...NONE, untyped, unknown: count - untyped });
});

Deno.test("an event without a type never reaches the application", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", [oddity({ text: "Hello" }), oddity({ type: 5 })]);
  let runs = 0;
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: () => Promise.resolve(void runs++),
  });
  assertEquals(runs, 0);
  const [first = "", second = ""] = linesOf(told, "warn");
  assertMatch(first, /type.*undefined/);
  assertMatch(second, /type.*number/);
});

Deno.test("a channel without a route drops its events, and the others keep working", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  await layer.sendMany("parcels", numbered(3));
  const seen: Message[] = [];
  const application = ChannelNameRouter({
    letters: async (_scope, receive) => {
      for (;;) seen.push(await receive());
    },
  });
  const told = await runBurst({ layer, channels: ["letters", "parcels"], application });
  assertEquals(numbersOf(seen), range(3));
  assertEquals(outcome(told.worker), { received: 6, handled: 3, failed: 0, dropped: 3 });
  for (const { error } of told.errors) assertInstanceOf(error, NoRouteError);
  assertEquals(told.worker.counts.droppedBy, { ...NONE, unknown: 3 });
});

/** Makes every other event undecodable. */
class GarbledLayer extends ForwardingLayer {
  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    return deliveries.map((delivery) => ({
      channel: delivery.channel,
      expiresAt: delivery.expiresAt,
      read() {
        const event = delivery.read();
        if (event.type === "garbled") {
          throw new UndecodableMessageError({ reason: "it is garbled" });
        }
        return event;
      },
    }));
  }
}

Deno.test("the worker drops undecodable messages, and keeps running", async () => {
  await using layer = new GarbledLayer(new MemoryChannelLayer());
  const types = ["garbled", "good", "garbled", "garbled", "good"];
  await layer.sendMany("letters", types.map((type) => ({ type })));
  const seen: string[] = [];
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.push((await receive()).type);
    },
  });
  assertEquals(seen, ["good", "good"]);
  assertEquals(outcome(told.worker), { received: 5, handled: 2, failed: 0, dropped: 3 });
  const lines = linesOf(told, "warn");
  assertEquals(lines.length, 3);
  for (const line of lines) assertStringIncludes(line, "it is garbled");
  assertEquals(told.worker.counts.droppedBy, { ...NONE, undecodable: 3 });
});

/** Runs badly a number of times, and then as it should. */
function badAtFirst(
  times: number,
  bad: () => Promise<void>,
): { readonly runs: () => number; readonly application: Application<ChannelScope> } {
  let runs = 0;
  return {
    runs: () => runs,
    application: async (_scope, receive) => {
      if (++runs <= times) return await bad();
      for (;;) await receive();
    },
  };
}

Deno.test("an application that returns at once drops its events, without a busy loop", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(50));
  const { runs, application } = badAtFirst(20, async () => {});
  const told = await runBurst({ layer, channels: ["letters"], application, concurrency: 2 });
  assertLessOrEqual(runs(), 22);
  assertEquals(outcome(told.worker), { received: 50, handled: 30, failed: 0, dropped: 20 });
  assertEquals(linesOf(told, "warn").length, 20);
  assertEquals(told.worker.counts.droppedBy, { ...NONE, ignored: 20 });
});

Deno.test("an application that throws immediately fails for its events, without a busy loop", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(50));
  const { runs, application } = badAtFirst(20, () => Promise.reject(new RangeError("No stamp")));
  const told = await runBurst({ layer, channels: ["letters"], application, concurrency: 2 });
  assertLessOrEqual(runs(), 22);
  assertEquals(outcome(told.worker), { received: 50, handled: 30, failed: 20, dropped: 0 });
  assertEquals(told.errors.length, 20);
});

Deno.test("an application that returns at once isn't run again without an event", async () => {
  await using layer = new MemoryChannelLayer();
  const runs = new Tally();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: () => Promise.resolve(runs.add(1)),
  });
  for (let count = 1; count <= 5; count++) {
    await layer.send("letters", { type: "sent" });
    await runs.reach(count);
  }
  await running.stop();
  assertEquals(runs.items.length, 5);
});
