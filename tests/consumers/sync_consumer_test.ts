import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  ConsumerConfigurationError,
  MemoryChannelLayer,
  NoHandlerError,
  SyncConsumer,
} from "@asgi/channels";
import { LetterConsumer } from "../fixtures/threads/consumers.ts";
import { useMemoryLayer } from "./memory_layer.ts";
import { letters, Player, scope } from "./on_threads.ts";

Deno.test("a handler on a thread gets its event, and what it sends comes back", async () => {
  await using player = new Player();
  const event = { type: "letter.sent", text: "Hello" };
  await player.give("letter.sent", { text: "Hello" });
  const expected = { type: "read", event, count: 1, stamp: "none", price: 0 };
  assertEquals(await player.take(), expected);
});

Deno.test("an instance is made for each scope, with its arguments, and keeps its state", async () => {
  const application = LetterConsumer.asAsgi("red", 2n ** 60n);
  for (let scopes = 1; scopes <= 2; scopes++) {
    await using player = new Player(application);
    for (let count = 1; count <= 2; count++) {
      const { stamp, price, count: counted } = await player.ask("letter.sent");
      assertEquals([stamp, price, counted], ["red", 2n ** 60n, count]);
    }
  }
});

Deno.test("bytes, large integers and -0 are the same on a thread", async () => {
  await using player = new Player();
  const values = { bytes: new Uint8Array([0, 255]), large: 2n ** 63n - 1n, zero: -0, none: null };
  const { event } = await player.ask("letter.sent", { values });
  assertEquals(event, { type: "letter.sent", values });
  assertEquals(Object.is((event as { values: typeof values }).values.zero, -0), true);
});

Deno.test("a Buffer and an instance of a class become plain on the way from a thread", async () => {
  await using player = new Player();
  const { buffer, stamp } = await player.ask("send.odd.values");
  assertEquals(buffer, new Uint8Array([1, 2]));
  assertEquals(stamp, { colour: "red" });
});

Deno.test("scope and channelName are what the main thread knows", async () => {
  await using test = useMemoryLayer();
  await using player = new Player();
  const { scope: told, channel } = await player.ask("tell");
  assertEquals(told, scope);
  assertMatch(String(channel), /^specific\.[0-9a-f]{32}![0-9a-f]{32}$/);
  assertEquals((await player.ask("tell")).channel, channel);
  await test.layer.send(String(channel), { type: "letter.sent", text: "by the layer" });
  const { event, count } = await player.take();
  assertEquals([event, count], [{ type: "letter.sent", text: "by the layer" }, 1]);
});

Deno.test("channelLayer has every method of a sender", async () => {
  await using test = useMemoryLayer();
  await using player = new Player();
  const call = (method: string, ...args: unknown[]) => player.ask("call.layer", { method, args });
  const received = async () => (await test.layer.receive("archive")).text;
  await call("send", "archive", { type: "kept", text: "one" });
  assertEquals(await received(), "one");
  await call("sendMany", "archive", ["two", "three"].map((text) => ({ type: "kept", text })));
  assertEquals([await received(), await received()], ["two", "three"]);
  assertMatch(String((await call("newChannel", "answers")).value), /^answers\./);
  await call("groupAdd", "readers", "archive");
  await call("groupSend", "readers", { type: "kept", text: "four" });
  assertEquals(await received(), "four");
  await call("groupDiscard", "readers", "archive");
  await call("groupSend", "readers", { type: "kept", text: "five" });
  assertEquals(await test.layer.receiveMany("archive", { limit: 1, wait: false }), []);
});

Deno.test("a layer's error is thrown in the handler, of its class, with its fields", async () => {
  await using _test = useMemoryLayer(() => new MemoryChannelLayer({ capacity: 1 }));
  await using player = new Player();
  const send = { method: "send", args: ["archive", { type: "kept" }] };
  assertEquals((await player.ask("call.layer", send)).type, "called");
  const { name, isFull, capacity, message, stack } = await player.ask("call.layer", send);
  assertEquals([name, isFull, capacity], ["ChannelFullError", true, 1]);
  // Options go along.
  const patient = { ...send, args: [...send.args, { waitForCapacity: true, timeout: 10 }] };
  assertEquals((await player.ask("call.layer", patient)).name, "SendTimeoutError");
  assertStringIncludes(String(stack), `ChannelFullError: ${message}`);
  assertMatch(String(stack), /LetterConsumer\.call_layer \(.*consumers\.ts/);
});

Deno.test("a message that may not travel is refused in the handler", async () => {
  await using _test = useMemoryLayer();
  await using player = new Player();
  const args = ["archive", { type: "kept", at: new Date() }];
  const { name, message } = await player.ask("call.layer", { method: "send", args });
  assertEquals([name, message], ["TypeError", "$.at is a Date"]);
  const badName = await player.ask("call.layer", { method: "send", args: ["no name", args[1]] });
  assertStringIncludes(String(badName.message), 'Channel name "no name" is not valid');
});

Deno.test("what can't leave a thread at all is refused with a TypeError", async () => {
  const player = new Player();
  await player.give("send.function");
  const error = await assertRejects(
    () => player.end(),
    TypeError,
    "Cannot send this from a thread",
  );
  assertMatch(error.stack ?? "", /send_function \(.*consumers\.ts/);
});

Deno.test("a group reaches the own channel of a consumer on a thread", async () => {
  await using test = useMemoryLayer();
  await using player = new Player();
  await player.ask("join", { group: "readers" });
  await test.layer.groupSend("readers", { type: "letter.sent", text: "to all" });
  assertEquals((await player.take()).event, { type: "letter.sent", text: "to all" });
});

Deno.test("an error comes back with its name, message, stack, cause and fields", async () => {
  const player = new Player();
  await player.give("fail");
  const error = await assertRejects(() => player.end(), Error, "Not delivered");
  assertEquals([error.name, (error as unknown as { letter: number }).letter], ["LetterError", 5]);
  assertEquals("call" in error, false);
  assertMatch(
    error.stack ?? "",
    /^LetterError: Not delivered\n.*LetterConsumer\.fail \(.*consumers/,
  );
  assertInstanceOf(error.cause, RangeError);
  assertEquals(error.cause.message, "No stamp");
});

Deno.test("what is thrown and is no error comes back as it is", async () => {
  const player = new Player();
  await player.give("fail.oddly");
  let thrown: unknown;
  await player.end().catch((error) => thrown = error);
  assertEquals(thrown, { letter: 5 });
});

Deno.test("an error of the constructor fails the first event", async () => {
  const player = new Player(LetterConsumer.asAsgi("forged"));
  await player.give("letter.sent");
  await assertRejects(() => player.end(), RangeError, "This stamp is forged");
});

Deno.test("StopConsumer ends a consumer on a thread quietly", async () => {
  const player = new Player();
  await player.give("stop");
  await player.end();
});

Deno.test("an event without a handler fails as in an AsyncConsumer", async () => {
  for (const type of ["nothing", "dispatch", "send", "scope", "constructor", "__proto__"]) {
    const player = new Player();
    await player.give(type);
    const error = await assertRejects(() => player.end(), NoHandlerError);
    assertEquals([error.consumer, error.type], ["LetterConsumer", type]);
    assertEquals(error.known.includes("letter_sent"), true);
  }
});

Deno.test("a handler that returns a promise is refused", async () => {
  const player = new Player();
  await player.give("wait");
  const message =
    'LetterConsumer returned a promise for an event of type "wait"; use an AsyncConsumer for asynchronous handlers';
  await assertRejects(() => player.end(), TypeError, message);
});

Deno.test("a promise that fails on a thread while nobody awaits it is told to the program", async () => {
  const strays: unknown[] = [];
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    strays.push(event.reason.message);
    resolve();
  };
  addEventListener("unhandledrejection", listener);
  await using player = new Player();
  await player.give("leave.stray");
  await told;
  removeEventListener("unhandledrejection", listener);
  assertEquals(strays, ["stray"]);
  assertEquals((await player.ask("letter.sent")).count, 1);
});

Deno.test("consumers are spread over as many threads as they may have", async () => {
  const threads = async (most: number) => {
    const application = letters({ max: most });
    await using one = new Player(application);
    await using other = new Player(application);
    const { thread } = await one.ask("tell.thread");
    return [thread, (await other.ask("tell.thread")).thread];
  };
  const [one, other] = await threads(1);
  assertEquals(one, other);
  const [first, second] = await threads(2);
  assertNotEquals(first, second);
});

Deno.test("the consumers of one module share their threads, with the same options", async () => {
  await using one = new Player(letters());
  await using other = new Player(letters());
  await using elsewhere = new Player(letters({ memoryLimit: 512 }));
  const { thread } = await one.ask("tell.thread");
  assertEquals((await other.ask("tell.thread")).thread, thread);
  assertNotEquals((await elsewhere.ask("tell.thread")).thread, thread);
});

Deno.test("the event loop is free while a handler burns", async () => {
  await using player = new Player();
  await player.ask("letter.sent");
  const ticks: number[] = [];
  const timer = setInterval(() => ticks.push(performance.now()), 5);
  await player.ask("burn", { duration: 300 });
  clearInterval(timer);
  const gaps = ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? 0));
  assertEquals(ticks.length > 20, true, `${ticks.length} ticks`);
  assertEquals(Math.max(...gaps) < 150, true, `${gaps}`);
});

Deno.test("asAsgi() takes the arguments of the constructor, as that of an AsyncConsumer", () => {
  class StampConsumer extends SyncConsumer {
    static override module = import.meta.url;

    constructor(readonly stamp: string) {
      super();
    }
  }
  class AsyncStampConsumer extends AsyncConsumer {
    constructor(readonly stamp: string) {
      super();
    }
  }
  StampConsumer.asAsgi("red") satisfies Application<ChannelScope>;
  // @ts-expect-error The stamp is missing.
  StampConsumer.asAsgi();
  // @ts-expect-error A stamp is a string.
  StampConsumer.asAsgi(5);
  AsyncStampConsumer.asAsgi("red") satisfies Application<ChannelScope>;
  // @ts-expect-error The stamp is missing.
  AsyncStampConsumer.asAsgi();
  // @ts-expect-error A stamp is a string.
  AsyncStampConsumer.asAsgi(5);
});

Deno.test("asAsgi() refuses a class without a module, and settings that are invalid", () => {
  class PaletteConsumer extends SyncConsumer {}
  assertThrows(
    () => PaletteConsumer.asAsgi(),
    TypeError,
    'PaletteConsumer needs "static override module = import.meta.url"',
  );
  assertThrows(
    () => letters({}, "./consumers.ts"),
    TypeError,
    "LetterConsumer.module must be a URL, such as import.meta.url, got ./consumers.ts",
  );
  for (const max of [0, -1, 1.5, NaN]) {
    const message = `LetterConsumer.threads.max must be a positive integer, got ${max}`;
    assertThrows(() => letters({ max }), RangeError, message);
  }
  for (const timeLimit of [0, -1, NaN, Infinity, 2 ** 31]) {
    const message =
      "LetterConsumer.threads.timeLimit must be between 0 and 2147483648 milliseconds";
    assertThrows(() => letters({ timeLimit }), RangeError, `${message}, got ${timeLimit}`);
  }
  assertThrows(() => letters({ memoryLimit: 0.5 }), RangeError, "memoryLimit must be a positive");
  const both = { permissions: "none", memoryLimit: 64 } as const;
  assertThrows(() => letters(both), TypeError, "does not limit the memory");
  const misspelled = { max: 1, timelimit: 5 };
  assertThrows(
    () => letters(misspelled),
    TypeError,
    'LetterConsumer.threads has no option "timelimit": known are max, timeLimit, memoryLimit',
  );
});

Deno.test("a subclass inherits the settings of its base class", () => {
  class BaseConsumer extends SyncConsumer {
    static override module = import.meta.url;
    static override threads = { max: 0 };
  }
  class SubConsumer extends BaseConsumer {}
  assertThrows(() => SubConsumer.asAsgi(), RangeError, "SubConsumer.threads.max");
  class MendedConsumer extends BaseConsumer {
    static override threads = { max: 1 };
  }
  MendedConsumer.asAsgi();
});

Deno.test("a class that its inherited module does not export is refused with the remedy", async () => {
  class RedLetterConsumer extends LetterConsumer {}
  const player = new Player(RedLetterConsumer.asAsgi());
  await player.give("letter.sent");
  const error = await assertRejects(() => player.end(), ConsumerConfigurationError);
  assertMatch(
    error.message,
    /RedLetterConsumer .*: its module file:.*consumers\.ts does not export/,
  );
  assertStringIncludes(error.message, '"static override module = import.meta.url"');
});

Deno.test("a SyncConsumer has its context on a thread only", () => {
  const consumer = new LetterConsumer();
  assertThrows(() => consumer.scope, TypeError, "asAsgi()");
  assertThrows(() => consumer.channelLayer, TypeError, "asAsgi()");
  assertThrows(() => consumer.channelName, TypeError, "asAsgi()");
  assertThrows(() => consumer.send({ type: "read" }), TypeError, "asAsgi()");
});
