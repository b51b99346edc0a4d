import {
  assert,
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
  StopConsumer,
  UndecodableMessageError,
  Worker,
} from "@asgi/channels";
import { ForwardingLayer } from "../testing/forwarding_layer.ts";
import { linesOf, outcome, runBurst, startWorker } from "./start_worker.ts";
import { numbered, numbersOf, Tally, upTo } from "./tally.ts";

/** What `droppedBy` is where nothing was dropped. */
const NONE = { expired: 0, undecodable: 0, untyped: 0, unknown: 0, ignored: 0 };

/** Something that isn't a message, as another program might send it. */
function oddity(value: Record<string, unknown>): Message {
  return value as Message;
}

Deno.test("a handler that throws loses its own event and no other", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(1_000));
  const seen: Message[] = [];
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) {
        const event = await receive();
        seen.push(event);
        await Promise.resolve();
        if (Number(event.number) % 10 === 9) throw new RangeError(`No stamp on ${event.number}`);
      }
    },
  });
  assertEquals(numbersOf(seen), upTo(1_000));
  assertEquals(outcome(told.worker), { received: 1_000, handled: 900, failed: 100, dropped: 0 });
  assertEquals(told.errors.length, 100);
  assertEquals(linesOf(told, "error").length, 100);
});

Deno.test("a handler that throws loses no other event when several run at once", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(1_000));
  const seen: Message[] = [];
  class LetterConsumer extends AsyncConsumer {
    async work(event: Message): Promise<void> {
      seen.push(event);
      if (Number(event.number) % 3 === 0) await new Promise((resolve) => setTimeout(resolve));
      if (Number(event.number) % 10 === 0) throw new RangeError("No stamp");
    }
  }
  const application = LetterConsumer.asAsgi();
  const told = await runBurst({ layer, channels: ["letters"], application, concurrency: 4 });
  assertEquals(numbersOf(seen), upTo(1_000));
  assertEquals(outcome(told.worker), { received: 1_000, handled: 900, failed: 100, dropped: 0 });
  assertEquals(told.errors.length, 100);
});

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

Deno.test("a failure ends the instance; the next event gets a fresh one", async () => {
  await using layer = new MemoryChannelLayer();
  const types = ["good", "good", "bad", "good", "good", "bad", "good"];
  await layer.sendMany("letters", types.map((type) => ({ type })));
  let instances = 0;
  const seen: string[] = [];
  class LetterConsumer extends AsyncConsumer {
    readonly #number = ++instances;
    good(): void {
      seen.push(`good ${this.#number}`);
    }
    bad(): void {
      seen.push(`bad ${this.#number}`);
      throw new RangeError("No stamp");
    }
  }
  await runBurst({ layer, channels: ["letters"], application: LetterConsumer.asAsgi() });
  const expected = ["good 1", "good 1", "bad 1", "good 2", "good 2", "bad 2", "good 3"];
  assertEquals(seen, expected);
});

Deno.test("a StopConsumer is a good end: the next event gets a fresh instance", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(3));
  let instances = 0;
  class OnceConsumer extends AsyncConsumer {
    readonly #number = ++instances;
    work(event: { type: string; number: number }): void {
      assertEquals(this.#number, event.number + 1);
      throw new StopConsumer();
    }
  }
  const application = OnceConsumer.asAsgi();
  const told = await runBurst({ layer, channels: ["letters"], application });
  assertEquals(outcome(told.worker), { received: 3, handled: 3, failed: 0, dropped: 0 });
  assertEquals(told.errors, []);
});

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

Deno.test("the worker outlives events that nobody can handle", async () => {
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

Deno.test("a channel without a route drops its events, and the others go on", async () => {
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
  assertEquals(numbersOf(seen), upTo(3));
  assertEquals(outcome(told.worker), { received: 6, handled: 3, failed: 0, dropped: 3 });
  for (const { error } of told.errors) assertInstanceOf(error, NoRouteError);
  assertEquals(told.worker.counts.droppedBy, { ...NONE, unknown: 3 });
});

/** Has every other event be undecodable. */
class GarbledLayer extends ForwardingLayer {
  override async receiveMany(channel: string, options: ReceiveManyOptions): Promise<Delivery[]> {
    const deliveries = await super.receiveMany(channel, options);
    return deliveries.map((delivery) => ({
      channel: delivery.channel,
      expiresAt: delivery.expiresAt,
      read() {
        const event = delivery.read();
        if (event.type === "garbled") throw new UndecodableMessageError("it is garbled");
        return event;
      },
    }));
  }
}

Deno.test("the worker drops what can't be decoded, and lives on", async () => {
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

Deno.test("an application that throws at once fails for its events, without a busy loop", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(50));
  const { runs, application } = badAtFirst(20, () => Promise.reject(new RangeError("No stamp")));
  const told = await runBurst({ layer, channels: ["letters"], application, concurrency: 2 });
  assertLessOrEqual(runs(), 22);
  assertEquals(outcome(told.worker), { received: 50, handled: 30, failed: 20, dropped: 0 });
  assertEquals(told.errors.length, 20);
});

Deno.test("an application that throws outside of a promise fails for its events", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(5));
  const application = () => {
    throw new RangeError("No stamp");
  };
  const told = await runBurst({ layer, channels: ["letters"], application });
  assertEquals(outcome(told.worker), { received: 5, handled: 0, failed: 5, dropped: 0 });
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

Deno.test("an application that throws what can't be looked at fails, and is replaced", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(4));
  const refuse = () => {
    throw new RangeError("Don't look");
  };
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      await receive();
      throw new Proxy({}, { get: refuse, getPrototypeOf: refuse });
    },
  });
  assertEquals(outcome(told.worker), { received: 4, handled: 0, failed: 4, dropped: 0 });
  assertStringIncludes(String(told.errors[0]?.error), "can't be looked at");
});

Deno.test("send() is refused, and points to the channel layer", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "sent" });
  const told = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive, send) => {
      await send(await receive());
    },
  });
  const [{ error } = { error: undefined }] = told.errors;
  assertInstanceOf(error, TypeError);
  assertStringIncludes(error.message, "channelLayer.send");
  assertEquals(told.worker.counts.failed, 1);
});

Deno.test("send() of a consumer is refused in a worker", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "reply" });
  class ReplyingConsumer extends AsyncConsumer {
    async reply(): Promise<void> {
      await this.send({ type: "replied" });
    }
  }
  const application = ReplyingConsumer.asAsgi();
  const told = await runBurst({ layer, channels: ["letters"], application });
  assertInstanceOf(told.errors[0]?.error, TypeError);
});

Deno.test("an onError that throws is logged, and the worker lives on", async () => {
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

Deno.test("an onError that rejects is logged, and the worker lives on", async () => {
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

Deno.test("a Worker without log and onError fails as quietly as it can", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(2));
  const application = () => Promise.reject(new RangeError("No stamp"));
  const worker = new Worker({ layer, application, channels: ["letters"], burst: true });
  await worker.run();
  assertEquals(worker.counts.failed, 2);
});

Deno.test("an application that fails without an event in hand is logged and replaced", async () => {
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
