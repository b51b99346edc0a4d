import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Application, ChannelScope } from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { assertTimesOut, within } from "../helpers/waiting.ts";
import { echo, idle, scope } from "../helpers/applications.ts";

Deno.test("ApplicationCommunicator starts the application at first use", async () => {
  let started = 0;
  const application: Application<ChannelScope> = (...args) => {
    started++;
    return idle(...args);
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  assertEquals(started, 0);
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(started, 1);
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(started, 1);
});

Deno.test("ApplicationCommunicator doesn't start an application that is only stopped", async () => {
  let started = false;
  const application = () => Promise.resolve(void (started = true));
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.stop();
  assertEquals(started, false);
});

Deno.test("ApplicationCommunicator passes the scope to the application", async () => {
  let given: unknown;
  const application: Application<ChannelScope> = (scope) => Promise.resolve(void (given = scope));
  await using communicator = new ApplicationCommunicator(application, scope);
  await communicator.wait();
  assertStrictEquals(given, scope);
});

Deno.test("ApplicationCommunicator accepts only the scope that fits the application", async () => {
  // @ts-expect-error The application takes the scopes of channels.
  await using communicator = new ApplicationCommunicator(echo, { type: "lifespan" });
  assertInstanceOf(communicator, ApplicationCommunicator);
});

Deno.test("sendInput() delivers events in order, before or after receive()", async () => {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (scope, receive, send) => {
    await send(await receive());
    await opened;
    await echo(scope, receive, send);
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type: "one" });
  await communicator.sendInput({ type: "two" });
  await communicator.sendInput({ type: "three" });
  assertEquals(await communicator.receiveOutput(), { type: "one" });
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  open();
  assertEquals(await communicator.receiveOutput(), { type: "two" });
  assertEquals(await communicator.receiveOutput(), { type: "three" });
});

Deno.test("sendInput() serves several receive() at once in their order", async () => {
  const application: Application<ChannelScope> = async (_scope, receive, send) => {
    const [first, second] = await Promise.all([receive(), receive()]);
    await send({ type: `${first.type}, ${second.type}` });
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type: "one" });
  await communicator.sendInput({ type: "two" });
  assertEquals(await communicator.receiveOutput(), { type: "one, two" });
});

Deno.test("receiveOutput() waits for a message that comes later", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  const output = communicator.receiveOutput();
  await communicator.sendInput({ type: "letter.sent", pages: 2 });
  assertEquals(await output, { type: "letter.sent", pages: 2 });
});

Deno.test("receiveOutput() loses none of several messages sent at once", async () => {
  const application: Application<ChannelScope> = async (_scope, receive, send) => {
    await receive();
    await Promise.all(["one", "two", "three"].map((type) => send({ type })));
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  const first = communicator.receiveOutput();
  const second = communicator.receiveOutput();
  await communicator.sendInput({ type: "go" });
  assertEquals([await first, await second], [{ type: "one" }, { type: "two" }]);
  assertEquals(await communicator.receiveOutput(), { type: "three" });
});

Deno.test("receiveOutput() rejects with a TimeoutError that says what it waited for", async () => {
  await using communicator = new ApplicationCommunicator(idle, scope);
  const error = await assertTimesOut(() => communicator.receiveOutput({ timeout: 5 }));
  assertStringIncludes(error.message, "5 ms for a message from the application");
  assertStringIncludes(error.message, "still running");
});

Deno.test("receiveOutput() says when the application has ended", async () => {
  await using communicator = new ApplicationCommunicator(async () => {}, scope);
  const error = await assertTimesOut(() => communicator.receiveOutput({ timeout: 5 }));
  assertStringIncludes(error.message, "has ended");
});

Deno.test("receiveOutput() works after a timeout", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  await assertTimesOut(() => communicator.receiveOutput({ timeout: 1 }));
  await communicator.sendInput({ type: "late" });
  assertEquals(await communicator.receiveOutput(), { type: "late" });
});

Deno.test("receiveOutput() rejects with the error of the application", async () => {
  const failure = new RangeError("No stamp");
  await using communicator = new ApplicationCommunicator(() => Promise.reject(failure), scope);
  const error = await assertRejects(() => communicator.receiveOutput());
  assertStrictEquals(error, failure);
});

Deno.test("receiveOutput() rejects with the error of an application that throws synchronously", async () => {
  const application = () => {
    throw new RangeError("No stamp");
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.receiveOutput(), RangeError, "No stamp");
});

Deno.test("pending calls reject immediately when the application fails", async () => {
  const application: Application<ChannelScope> = async (_scope, receive) => {
    await receive();
    throw new RangeError("No stamp");
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  const options = { timeout: 60_000 };
  const waiting: Promise<unknown>[] = [
    communicator.receiveOutput(options),
    communicator.receiveNothing(options),
    communicator.wait(options),
  ];
  await communicator.sendInput({ type: "letter.sent" });
  for (const promise of waiting) {
    await assertRejects(() => within(promise, "the error"), RangeError, "No stamp");
  }
});

Deno.test("receiveOutput() returns what was sent before the application failed", async () => {
  const application: Application<ChannelScope> = async (_scope, _receive, send) => {
    await send({ type: "last.words" });
    throw new RangeError("No stamp");
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.wait(), RangeError);
  assertEquals(await communicator.receiveOutput(), { type: "last.words" });
  await assertRejects(() => communicator.receiveOutput(), RangeError, "No stamp");
});

Deno.test("receiveNothing() returns whether there is no message, and doesn't consume it", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(await communicator.receiveNothing(), false);
  assertEquals(await communicator.receiveNothing(), false);
  assertEquals(await communicator.receiveOutput(), { type: "letter.sent" });
  assertEquals(await communicator.receiveNothing(), true);
});

Deno.test("receiveNothing() returns false as soon as a message arrives", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  const nothing = communicator.receiveNothing({ timeout: 60_000 });
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(await nothing, false);
});

Deno.test("receiveNothing() rejects with the error of the application", async () => {
  const application = () => Promise.reject(new RangeError("No stamp"));
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.receiveNothing(), RangeError, "No stamp");
});

Deno.test("an invalid timeout is rejected with a RangeError", async () => {
  const communicator = new ApplicationCommunicator(idle, scope);
  for (const timeout of [-1, NaN, Infinity]) {
    await assertRejects(() => communicator.receiveOutput({ timeout }), RangeError, `${timeout}`);
    await assertRejects(() => communicator.receiveNothing({ timeout }), RangeError);
    await assertRejects(() => communicator.wait({ timeout }), RangeError);
  }
});
