import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Application, ConnectionClosedError, type WebSocketScope } from "@asgi/channels";
import type { Message } from "@asgi/channels/protocol";
import { WebsocketCommunicator } from "@asgi/channels/testing";
import { assertTimesOut } from "../helpers/waiting.ts";

type Socket = Application<WebSocketScope>;

/** Accepts, then echoes until the client disconnects. */
const echo: Socket = async (_scope, receive, send) => {
  for (;;) {
    const event = await receive();
    if (event.type === "websocket.connect") await send({ type: "websocket.accept" });
    if (event.type === "websocket.disconnect") return;
    if (event.type !== "websocket.receive") continue;
    if (event.text != null) await send({ type: "websocket.send", text: event.text });
    else await send({ type: "websocket.send", bytes: event.bytes });
  }
};

/** Returns an application that sends some messages, whether they are valid or not. */
function sending(...messages: readonly object[]): Socket {
  return async (_scope, receive, send) => {
    await receive();
    for (const message of messages) await send(message as Parameters<typeof send>[0]);
    for (;;) if ((await receive()).type === "websocket.disconnect") return;
  };
}

Deno.test("WebsocketCommunicator creates the scope of a path", async () => {
  let scope: WebSocketScope | undefined;
  const application: Socket = async (given, _receive, send) => {
    scope = given;
    await send({ type: "websocket.accept" });
  };
  const options = {
    headers: { Cookie: "a=1" },
    subprotocols: ["v1"],
    params: { room: "a b" },
  };
  const path = "/rooms/a%20b?x=1?y";
  await using communicator = new WebsocketCommunicator(application, path, options);
  await communicator.connect();
  const { type, path: decoded, raw_path, query_string, subprotocols, params } = scope ?? {};
  assertEquals(
    { type, path: decoded, raw_path, query_string, subprotocols, params },
    {
      type: "websocket",
      path: "/rooms/a b",
      raw_path: "/rooms/a%20b",
      query_string: "x=1?y",
      subprotocols: ["v1"],
      params: { room: "a b" },
    },
  );
  assertEquals(new Headers(scope?.headers as [string, string][]).get("cookie"), "a=1");
});

Deno.test("WebsocketCommunicator rejects a path without a slash", () => {
  assertThrows(() => new WebsocketCommunicator(echo, "rooms"), TypeError, '"rooms"');
});

Deno.test("sendTo() and receiveFrom() pass text, bytes and JSON", async () => {
  await using communicator = new WebsocketCommunicator(echo, "/");
  await communicator.connect();
  await communicator.sendTo("Hello");
  assertEquals(await communicator.receiveFrom(), "Hello");
  await communicator.sendTo(Uint8Array.of(1));
  assertEquals(await communicator.receiveFrom(), Uint8Array.of(1));
  await communicator.sendJsonTo({ a: [1] });
  assertEquals(await communicator.receiveJsonFrom(), { a: [1] });
  await communicator.sendTo(Uint8Array.of(1));
  await assertRejects(() => communicator.receiveJsonFrom(), TypeError, "binary");
  await communicator.sendTo("{");
  await assertRejects(() => communicator.receiveJsonFrom(), SyntaxError);
});

Deno.test("sendTo() rejects before and after the connection", async () => {
  await using communicator = new WebsocketCommunicator(echo, "/");
  await assertRejects(() => communicator.sendTo("x"), TypeError, "connecting");
  await communicator.connect();
  await communicator.disconnect();
  await assertRejects(() => communicator.sendTo("x"), TypeError, "closed");
});

Deno.test("receiveNothing() returns whether nothing is sent, and consumes nothing", async () => {
  await using communicator = new WebsocketCommunicator(echo, "/");
  await communicator.connect();
  assertEquals(await communicator.receiveNothing({ timeout: 1 }), true);
  await communicator.sendTo("Hello");
  assertEquals(await communicator.receiveNothing(), false);
  assertEquals(await communicator.receiveFrom(), "Hello");
});

Deno.test("connect() rejects with a TimeoutError, or with the error of the application", async () => {
  const gate = Promise.withResolvers<void>();
  await using slow = new WebsocketCommunicator(() => gate.promise, "/");
  await assertTimesOut(() => slow.connect({ timeout: 1 }));
  gate.resolve();
  const application: Socket = () => Promise.reject(new RangeError("No room"));
  await using failing = new WebsocketCommunicator(application, "/");
  await assertRejects(() => failing.connect(), RangeError, "No room");
});

Deno.test("connect() returns the response that rejects the client, in all its parts", async () => {
  const part = (text: string, more_body: boolean) => ({
    type: "websocket.http.response.body",
    body: new TextEncoder().encode(text),
    more_body,
  });
  const start = { type: "websocket.http.response.start", status: 404, headers: [["x-a", "1"]] };
  const application = sending(start, part("not ", true), part("found", false));
  await using communicator = new WebsocketCommunicator(application, "/");
  const { accepted, response } = await communicator.connect();
  assertEquals([accepted, response?.status, response?.text()], [false, 404, "not found"]);
  assertEquals(response?.headers.get("x-a"), "1");
  await communicator.wait();
});

Deno.test("receiveFrom() and receiveClose() say what has been sent instead", async () => {
  const close = { type: "websocket.close", code: 4000, reason: "Enough" };
  const application = sending(
    { type: "websocket.accept" },
    { type: "websocket.send", text: "x" },
    close,
  );
  await using communicator = new WebsocketCommunicator(application, "/");
  await communicator.connect();
  await assertRejects(() => communicator.receiveClose(), TypeError, "websocket.send");
  assertEquals(await communicator.receiveClose(), { code: 4000, reason: "Enough" });
  await using other = new WebsocketCommunicator(sending({ type: "websocket.accept" }, close), "/");
  await other.connect();
  await assertRejects(() => other.receiveFrom(), TypeError, "a close with code 4000: Enough");
});

Deno.test("the application gets the code of its own close, of the client, or 1006", async () => {
  const events: Message[] = [];
  const application: Socket = async (_scope, receive, send) => {
    for (;;) {
      const event = await receive();
      if (event.type === "websocket.connect") await send({ type: "websocket.accept" });
      if (event.type === "websocket.receive") await send({ type: "websocket.close", code: 4000 });
      if (event.type === "websocket.disconnect") return void events.push(event);
    }
  };
  await using one = new WebsocketCommunicator(application, "/");
  await one.connect();
  await one.sendTo("close");
  await one.wait();
  await using two = new WebsocketCommunicator(application, "/");
  await two.connect();
  await two.disconnect(3000, "Bye");
  {
    await using three = new WebsocketCommunicator(application, "/");
    await three.connect();
  }
  assertEquals(events, [
    { type: "websocket.disconnect", code: 4000, reason: "" },
    { type: "websocket.disconnect", code: 3000, reason: "Bye" },
    { type: "websocket.disconnect", code: 1006, reason: "" },
  ]);
});

const ACCEPT = { type: "websocket.accept" };
const START = { type: "websocket.http.response.start", status: 400 };

const INVALID: Readonly<Record<string, readonly object[]>> = {
  "a message before accept": [{ type: "websocket.send", text: "x" }],
  "two accepts": [ACCEPT, ACCEPT],
  "accept during a response": [START, ACCEPT],
  "a response after accept": [ACCEPT, START],
  "a body before its start": [{ type: "websocket.http.response.body" }],
  "an invalid status": [{ ...START, status: 99 }],
  "an unknown type": [{ type: "websocket.unknown" }],
  "a subprotocol that isn't offered": [{ ...ACCEPT, subprotocol: "v9" }],
  "invalid header fields": [{ ...ACCEPT, headers: "x" }],
  "text and bytes": [ACCEPT, { type: "websocket.send", text: "x", bytes: new Uint8Array() }],
  "neither text nor bytes": [ACCEPT, { type: "websocket.send" }],
  "a number as text": [ACCEPT, { type: "websocket.send", text: 1 }],
  "an invalid close code": [ACCEPT, { type: "websocket.close", code: 99 }],
  "a reason that isn't text": [ACCEPT, { type: "websocket.close", reason: 1 }],
};

for (const [what, messages] of Object.entries(INVALID)) {
  Deno.test(`WebsocketCommunicator rejects ${what}`, async () => {
    await using communicator = new WebsocketCommunicator(sending(...messages), "/");
    if (messages.length > 1 && messages[0] === ACCEPT) await communicator.connect();
    else await assertRejects(() => communicator.connect(), TypeError);
    await assertRejects(() => communicator.wait(), TypeError);
  });
}

Deno.test("send() rejects after the end of a connection, and that is no failure", async () => {
  let failure: unknown;
  const application: Socket = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close" });
    await send({ type: "websocket.send", text: "late" }).catch((error) => failure = error);
    await send({ type: "websocket.close" });
  };
  await using communicator = new WebsocketCommunicator(application, "/");
  await communicator.connect();
  await communicator.wait();
  assertEquals(failure instanceof ConnectionClosedError, true);
});
