import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type { Application, ChannelScope } from "@asgi/channels";
import { ServerStoppedError } from "../../src/errors.ts";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { within } from "./within.ts";

const scope: ChannelScope = { type: "channel", channel: "letters" };

const echo: Application<ChannelScope> = async (_scope, receive, send) => {
  for (;;) await send(await receive());
};

const silent: Application<ChannelScope> = async (_scope, receive) => {
  for (;;) await receive();
};

/** Waits for a failure because of time. */
async function timeoutOf(act: () => Promise<unknown>): Promise<DOMException> {
  const error = await assertRejects(act, DOMException);
  assertEquals(error.name, "TimeoutError");
  return error;
}

Deno.test("ApplicationCommunicator starts the application at first use", async () => {
  let started = 0;
  const application: Application<ChannelScope> = (...args) => {
    started++;
    return silent(...args);
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

Deno.test("ApplicationCommunicator gives the application its scope", async () => {
  let given: unknown;
  const application: Application<ChannelScope> = (scope) => Promise.resolve(void (given = scope));
  await using communicator = new ApplicationCommunicator(application, scope);
  await communicator.wait();
  assertStrictEquals(given, scope);
});

Deno.test("ApplicationCommunicator takes the scope that fits the application", async () => {
  // @ts-expect-error The application takes the scopes of channels.
  await using communicator = new ApplicationCommunicator(echo, { type: "lifespan" });
  assertInstanceOf(communicator, ApplicationCommunicator);
});

Deno.test("sendInput() gives events in their order, asked for or not", async () => {
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
  await using communicator = new ApplicationCommunicator(silent, scope);
  const error = await timeoutOf(() => communicator.receiveOutput({ timeout: 5 }));
  assertStringIncludes(error.message, "5 ms for a message from the application");
  assertStringIncludes(error.message, "still running");
});

Deno.test("receiveOutput() says when the application has ended", async () => {
  await using communicator = new ApplicationCommunicator(async () => {}, scope);
  const error = await timeoutOf(() => communicator.receiveOutput({ timeout: 5 }));
  assertStringIncludes(error.message, "has ended");
});

Deno.test("receiveOutput() goes on after a timeout", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  await timeoutOf(() => communicator.receiveOutput({ timeout: 1 }));
  await communicator.sendInput({ type: "late" });
  assertEquals(await communicator.receiveOutput(), { type: "late" });
});

Deno.test("receiveOutput() rejects with the error of the application", async () => {
  const failure = new RangeError("No stamp");
  await using communicator = new ApplicationCommunicator(() => Promise.reject(failure), scope);
  const error = await assertRejects(() => communicator.receiveOutput());
  assertStrictEquals(error, failure);
});

Deno.test("receiveOutput() rejects with the error of an application that throws at once", async () => {
  const application = () => {
    throw new RangeError("No stamp");
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.receiveOutput(), RangeError, "No stamp");
});

Deno.test("whoever waits is told at once when the application fails", async () => {
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

Deno.test("receiveOutput() gives what was sent before the application failed", async () => {
  const application: Application<ChannelScope> = async (_scope, _receive, send) => {
    await send({ type: "last.words" });
    throw new RangeError("No stamp");
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.wait(), RangeError);
  assertEquals(await communicator.receiveOutput(), { type: "last.words" });
  await assertRejects(() => communicator.receiveOutput(), RangeError, "No stamp");
});

Deno.test("receiveNothing() tells whether there is a message, and leaves it", async () => {
  await using communicator = new ApplicationCommunicator(echo, scope);
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  await communicator.sendInput({ type: "letter.sent" });
  assertEquals(await communicator.receiveNothing(), false);
  assertEquals(await communicator.receiveNothing(), false);
  assertEquals(await communicator.receiveOutput(), { type: "letter.sent" });
  assertEquals(await communicator.receiveNothing(), true);
});

Deno.test("receiveNothing() gives false as soon as a message comes", async () => {
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

Deno.test("wait() resolves at the end of the application", async () => {
  let ended = false;
  const application: Application<ChannelScope> = async (_scope, receive) => {
    await receive();
    ended = true;
  };
  await using communicator = new ApplicationCommunicator(application, scope);
  const waited = communicator.wait();
  await communicator.sendInput({ type: "letter.sent" });
  await waited;
  assertEquals(ended, true);
  await communicator.wait();
});

Deno.test("wait() rejects with the error of the application, as often as it is asked", async () => {
  const application = () => Promise.reject(new RangeError("No stamp"));
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
});

Deno.test("wait() rejects with a TimeoutError that says what it waited for", async () => {
  await using communicator = new ApplicationCommunicator(silent, scope);
  const error = await timeoutOf(() => communicator.wait({ timeout: 5 }));
  assertStringIncludes(error.message, "5 ms for the end of the application");
});

Deno.test("stop() rejects a pending receive() with a ServerStoppedError", async () => {
  const seen: unknown[] = [];
  const application: Application<ChannelScope> = async (_scope, receive) => {
    try {
      await receive();
    } catch (error) {
      seen.push(error);
      throw error;
    } finally {
      seen.push("put away");
    }
  };
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.receiveNothing({ timeout: 1 });
  await communicator.stop();
  assertInstanceOf(seen[0], ServerStoppedError);
  assertEquals(seen[1], "put away");
  await communicator.wait();
});

Deno.test("stop() lets the application finish, and rejects its next receive()", async () => {
  const { promise: letGo, resolve: finish } = Promise.withResolvers<void>();
  const application: Application<ChannelScope> = async (_scope, receive, send) => {
    for (;;) {
      await receive();
      await letGo;
      await send({ type: "finished" });
    }
  };
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type: "one" });
  await communicator.sendInput({ type: "two" });
  const stopped = communicator.stop();
  finish();
  await stopped;
  assertEquals(await communicator.receiveOutput(), { type: "finished" });
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
});

Deno.test("stop() doesn't wait for an application that goes on asking for ever", async () => {
  let asked = 0;
  const application: Application<ChannelScope> = async (_scope, receive) => {
    for (;;) {
      asked++;
      await receive().catch(() => {});
    }
  };
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.receiveNothing({ timeout: 1 });
  await communicator.stop();
  assertEquals(asked, 2);
});

Deno.test("stop() rejects with a TimeoutError when the application doesn't end", async () => {
  const { promise: letGo, resolve: finish } = Promise.withResolvers<void>();
  const communicator = new ApplicationCommunicator(() => letGo, scope);
  await communicator.receiveNothing({ timeout: 1 });
  await timeoutOf(() => communicator.stop({ timeout: 5 }));
  finish();
  await communicator.stop();
});

Deno.test("stop() rejects with an error that nobody was told", async () => {
  const application = () => Promise.reject(new RangeError("No stamp"));
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type: "letter.sent" });
  await assertRejects(() => communicator.stop(), RangeError, "No stamp");
  await communicator.stop();
});

Deno.test("stop() rejects with what the application throws instead of ending", async () => {
  const application: Application<ChannelScope> = async (_scope, receive) => {
    await receive().catch((cause) => {
      throw new RangeError("No stamp", { cause });
    });
  };
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.receiveNothing({ timeout: 1 });
  await assertRejects(() => communicator.stop(), RangeError, "No stamp");
});

Deno.test("a ServerStoppedError is an error of the application before the stop", async () => {
  const application = () => Promise.reject(new ServerStoppedError());
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.wait(), ServerStoppedError);
});

Deno.test("await using stops the application", async () => {
  let ended = false;
  const application: Application<ChannelScope> = async (_scope, receive) => {
    try {
      await receive();
    } finally {
      ended = true;
    }
  };
  {
    await using communicator = new ApplicationCommunicator(application, scope);
    await communicator.receiveNothing({ timeout: 1 });
    assertEquals(ended, false);
  }
  assertEquals(ended, true);
});

Deno.test("a timeout that makes no sense is refused with a RangeError", async () => {
  const communicator = new ApplicationCommunicator(silent, scope);
  for (const timeout of [-1, NaN, Infinity]) {
    await assertRejects(() => communicator.receiveOutput({ timeout }), RangeError, `${timeout}`);
    await assertRejects(() => communicator.receiveNothing({ timeout }), RangeError);
    await assertRejects(() => communicator.wait({ timeout }), RangeError);
  }
});
