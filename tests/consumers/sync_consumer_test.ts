import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { MemoryChannelLayer, NoHandlerError } from "@asgi/channels";
import { LetterConsumer } from "../fixtures/threads/consumers.ts";
import { useMemoryLayer } from "../helpers/layers.ts";
import { letters, ThreadedConsumer } from "../helpers/threads.ts";
import { scope } from "../helpers/applications.ts";

Deno.test("a handler on a thread gets its event, and its messages reach the server", async () => {
  await using consumer = new ThreadedConsumer();
  const event = { type: "letter.sent", text: "Hello" };
  await consumer.send("letter.sent", { text: "Hello" });
  const expected = { type: "read", event, count: 1, stamp: "none", price: 0 };
  assertEquals(await consumer.receive(), expected);
});

Deno.test("an instance is created for each scope, with its arguments, and keeps its state", async () => {
  const application = LetterConsumer.asAsgi("red", 2n ** 60n);
  for (let scopes = 1; scopes <= 2; scopes++) {
    await using consumer = new ThreadedConsumer(application);
    for (let count = 1; count <= 2; count++) {
      const { stamp, price, count: counted } = await consumer.ask("letter.sent");
      assertEquals([stamp, price, counted], ["red", 2n ** 60n, count]);
    }
  }
});

Deno.test("bytes, large integers and -0 are the same on a thread", async () => {
  await using consumer = new ThreadedConsumer();
  const values = { bytes: new Uint8Array([0, 255]), large: 2n ** 63n - 1n, zero: -0, none: null };
  const { event } = await consumer.ask("letter.sent", { values });
  assertEquals(event, { type: "letter.sent", values });
  assertEquals(Object.is((event as { values: typeof values }).values.zero, -0), true);
});

Deno.test("a Buffer and an instance of a class arrive from a thread as plain values", async () => {
  await using consumer = new ThreadedConsumer();
  const { buffer, stamp } = await consumer.ask("send.odd.values");
  assertEquals(buffer, new Uint8Array([1, 2]));
  assertEquals(stamp, { colour: "red" });
});

Deno.test("scope and channelName are those of the main thread", async () => {
  await using test = useMemoryLayer();
  await using consumer = new ThreadedConsumer();
  const { scope: told, channel } = await consumer.ask("tell");
  assertEquals(told, scope);
  assertMatch(String(channel), /^specific\.[0-9a-f]{32}![0-9a-f]{32}$/);
  assertEquals((await consumer.ask("tell")).channel, channel);
  await test.layer.send(String(channel), { type: "letter.sent", text: "by the layer" });
  const { event, count } = await consumer.receive();
  assertEquals([event, count], [{ type: "letter.sent", text: "by the layer" }, 1]);
});

Deno.test("channelLayer has every method of a sender", async () => {
  await using test = useMemoryLayer();
  await using consumer = new ThreadedConsumer();
  const call = (method: string, ...args: unknown[]) => consumer.ask("call.layer", { method, args });
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

Deno.test("a layer's error is thrown in the handler, with its class and fields", async () => {
  await using _test = useMemoryLayer(() => new MemoryChannelLayer({ capacity: 1 }));
  await using consumer = new ThreadedConsumer();
  const send = { method: "send", args: ["archive", { type: "kept" }] };
  assertEquals((await consumer.ask("call.layer", send)).type, "called");
  const { name, isFull, capacity, message, stack } = await consumer.ask("call.layer", send);
  assertEquals([name, isFull, capacity], ["ChannelFullError", true, 1]);
  // Options go along.
  const patient = { ...send, args: [...send.args, { waitForCapacity: true, timeout: 10 }] };
  assertEquals((await consumer.ask("call.layer", patient)).name, "SendTimeoutError");
  assertStringIncludes(String(stack), `ChannelFullError: ${message}`);
  assertMatch(String(stack), /LetterConsumer\.call_layer \(.*consumers\.ts/);
});

Deno.test("an invalid message is rejected in the handler", async () => {
  await using _test = useMemoryLayer();
  await using consumer = new ThreadedConsumer();
  const args = ["archive", { type: "kept", at: new Date() }];
  const { name, message } = await consumer.ask("call.layer", { method: "send", args });
  assertEquals([name, message], [
    "TypeError",
    "Cannot send this event: $.at is a Date; send a string or a number",
  ]);
  const badName = await consumer.ask("call.layer", { method: "send", args: ["no name", args[1]] });
  assertStringIncludes(String(badName.message), 'Channel name "no name" is not valid');
});

Deno.test("a value that can't be cloned is rejected with a TypeError", async () => {
  const consumer = new ThreadedConsumer();
  await consumer.send("send.function");
  const error = await assertRejects(
    () => consumer.end(),
    TypeError,
    "Cannot send this from a thread",
  );
  assertMatch(error.stack ?? "", /send_function \(.*consumers\.ts/);
});

Deno.test("a group reaches the own channel of a consumer on a thread", async () => {
  await using test = useMemoryLayer();
  await using consumer = new ThreadedConsumer();
  await consumer.ask("join", { group: "readers" });
  await test.layer.groupSend("readers", { type: "letter.sent", text: "to all" });
  assertEquals((await consumer.receive()).event, { type: "letter.sent", text: "to all" });
});

Deno.test("an error arrives with its name, message, stack, cause and fields", async () => {
  const consumer = new ThreadedConsumer();
  await consumer.send("fail");
  const error = await assertRejects(() => consumer.end(), Error, "Not delivered");
  assertEquals([error.name, (error as unknown as { letter: number }).letter], ["LetterError", 5]);
  assertEquals("call" in error, false);
  assertMatch(
    error.stack ?? "",
    /^LetterError: Not delivered\n.*LetterConsumer\.fail \(.*consumers/,
  );
  assertInstanceOf(error.cause, RangeError);
  assertEquals(error.cause.message, "No stamp");
});

Deno.test("a thrown value that is not an error arrives unchanged", async () => {
  const consumer = new ThreadedConsumer();
  await consumer.send("fail.oddly");
  let thrown: unknown;
  await consumer.end().catch((error) => thrown = error);
  assertEquals(thrown, { letter: 5 });
});

Deno.test("an error of the constructor fails the first event", async () => {
  const consumer = new ThreadedConsumer(LetterConsumer.asAsgi("forged"));
  await consumer.send("letter.sent");
  await assertRejects(() => consumer.end(), RangeError, "This stamp is forged");
});

Deno.test("StopConsumer ends a consumer on a thread quietly", async () => {
  const consumer = new ThreadedConsumer();
  await consumer.send("stop");
  await consumer.end();
});

Deno.test("an event without a handler fails as in an AsyncConsumer", async () => {
  for (const type of ["nothing", "dispatch", "send", "scope", "constructor", "__proto__"]) {
    const consumer = new ThreadedConsumer();
    await consumer.send(type);
    const error = await assertRejects(() => consumer.end(), NoHandlerError);
    assertEquals([error.consumer, error.type], ["LetterConsumer", type]);
    assertEquals(error.known.includes("letter_sent"), true);
  }
});

Deno.test("a handler that returns a promise is rejected", async () => {
  const consumer = new ThreadedConsumer();
  await consumer.send("wait");
  const message =
    'LetterConsumer returned a promise for an event of type "wait"; use an AsyncConsumer for asynchronous handlers';
  await assertRejects(() => consumer.end(), TypeError, message);
});

Deno.test("an unhandled rejection on a thread is reported in the main thread", async () => {
  const strays: unknown[] = [];
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    strays.push(event.reason.message);
    resolve();
  };
  addEventListener("unhandledrejection", listener);
  await using consumer = new ThreadedConsumer();
  await consumer.send("leave.stray");
  await told;
  removeEventListener("unhandledrejection", listener);
  assertEquals(strays, ["stray"]);
  assertEquals((await consumer.ask("letter.sent")).count, 1);
});

Deno.test("consumers are distributed over the permitted number of threads", async () => {
  const threads = async (most: number) => {
    const application = letters({ max: most });
    await using one = new ThreadedConsumer(application);
    await using other = new ThreadedConsumer(application);
    const { thread } = await one.ask("tell.thread");
    return [thread, (await other.ask("tell.thread")).thread];
  };
  const [one, other] = await threads(1);
  assertEquals(one, other);
  const [first, second] = await threads(2);
  assertNotEquals(first, second);
});

Deno.test("the consumers of one module share their threads, with the same options", async () => {
  await using one = new ThreadedConsumer(letters());
  await using other = new ThreadedConsumer(letters());
  await using elsewhere = new ThreadedConsumer(letters({ memoryLimit: 512 }));
  const { thread } = await one.ask("tell.thread");
  assertEquals((await other.ask("tell.thread")).thread, thread);
  assertNotEquals((await elsewhere.ask("tell.thread")).thread, thread);
});

Deno.test("the event loop is not blocked while a handler burns CPU", async () => {
  await using consumer = new ThreadedConsumer();
  await consumer.ask("letter.sent");
  const ticks: number[] = [];
  const timer = setInterval(() => ticks.push(performance.now()), 5);
  await consumer.ask("burn", { duration: 300 });
  clearInterval(timer);
  const gaps = ticks.slice(1).map((tick, at) => tick - (ticks[at] ?? 0));
  assertEquals(ticks.length > 20, true, `${ticks.length} ticks`);
  assertEquals(Math.max(...gaps) < 150, true, `${gaps}`);
});

Deno.test("a SyncConsumer has its context on a thread only", () => {
  const consumer = new LetterConsumer();
  assertThrows(() => consumer.scope, TypeError, "asAsgi()");
  assertThrows(() => consumer.channelLayer, TypeError, "asAsgi()");
  assertThrows(() => consumer.channelName, TypeError, "asAsgi()");
  assertThrows(() => consumer.send({ type: "read" }), TypeError, "asAsgi()");
});
