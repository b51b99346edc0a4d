import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import type { Application, ChannelScope } from "@asgi/channels";
import { ServerStoppedError } from "../../src/errors/mod.ts";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { idle, scope } from "../helpers/applications.ts";
import { assertTimesOut } from "../helpers/waiting.ts";

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

Deno.test("wait() rejects with the error of the application, at every call", async () => {
  const application = () => Promise.reject(new RangeError("No stamp"));
  await using communicator = new ApplicationCommunicator(application, scope);
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
  await assertRejects(() => communicator.wait(), RangeError, "No stamp");
});

Deno.test("wait() rejects with a TimeoutError that says what it waited for", async () => {
  await using communicator = new ApplicationCommunicator(idle, scope);
  const error = await assertTimesOut(() => communicator.wait({ timeout: 5 }));
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

Deno.test("stop() doesn't wait for an application that calls receive() forever", async () => {
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
  await assertTimesOut(() => communicator.stop({ timeout: 5 }));
  finish();
  await communicator.stop();
});

Deno.test("stop() rejects with an error that no call has reported", async () => {
  const application = () => Promise.reject(new RangeError("No stamp"));
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.sendInput({ type: "letter.sent" });
  await assertRejects(() => communicator.stop(), RangeError, "No stamp");
  await communicator.stop();
});

Deno.test("stop() rejects with the error that the application throws", async () => {
  const application: Application<ChannelScope> = async (_scope, receive) => {
    await receive().catch((cause) => {
      throw new RangeError("No stamp", { cause });
    });
  };
  const communicator = new ApplicationCommunicator(application, scope);
  await communicator.receiveNothing({ timeout: 1 });
  await assertRejects(() => communicator.stop(), RangeError, "No stamp");
});

Deno.test("a ServerStoppedError before the stop is an error of the application", async () => {
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
