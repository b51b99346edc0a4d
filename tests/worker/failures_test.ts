import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { AsyncConsumer, MemoryChannelLayer, type Message, StopConsumer } from "@asgi/channels";
import { numbered, numbersOf, range } from "../helpers/events.ts";
import { linesOf, outcome, runBurst } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";

Deno.test("a handler that throws loses only its own event", async () => {
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
  assertEquals(numbersOf(seen), range(1_000));
  assertEquals(outcome(told.worker), { received: 1_000, handled: 900, failed: 100, dropped: 0 });
  assertEquals(told.errors.length, 100);
  assertEquals(linesOf(told, "error").length, 100);
});

Deno.test("a handler that throws loses only its own event when several run in parallel", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(1_000));
  const seen: Message[] = [];
  class LetterConsumer extends AsyncConsumer {
    async work(event: Message): Promise<void> {
      seen.push(event);
      if (Number(event.number) % 3 === 0) await pause(0);
      if (Number(event.number) % 10 === 0) throw new RangeError("No stamp");
    }
  }
  const application = LetterConsumer.asAsgi();
  const told = await runBurst({ layer, channels: ["letters"], application, concurrency: 4 });
  assertEquals(numbersOf(seen), range(1_000));
  assertEquals(outcome(told.worker), { received: 1_000, handled: 900, failed: 100, dropped: 0 });
  assertEquals(told.errors.length, 100);
});

Deno.test("a failure ends the instance, and the next event gets a new one", async () => {
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

Deno.test("a StopConsumer is not a failure, and the next event gets a new instance", async () => {
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

Deno.test("an application that throws synchronously fails for its events", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(5));
  const application = () => {
    throw new RangeError("No stamp");
  };
  const told = await runBurst({ layer, channels: ["letters"], application });
  assertEquals(outcome(told.worker), { received: 5, handled: 0, failed: 5, dropped: 0 });
});

Deno.test("an application that throws a value that can't be inspected fails, and is replaced", async () => {
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
  assertStringIncludes(String(told.errors[0]?.error), "cannot be inspected");
});

Deno.test("send() rejects, and points to the channel layer", async () => {
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

Deno.test("send() of a consumer rejects in a worker", async () => {
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
