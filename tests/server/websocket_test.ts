import { assertEquals } from "@std/assert";
import type { Application, WebSocketScope } from "@asgi/channels";
import type { Incoming, Outgoing } from "@asgi/channels/protocol";
import { Tally } from "../helpers/events.ts";
import {
  encode,
  frame,
  OPCODES,
  openRawSocket,
  readCloseCode,
  readFrame,
} from "../helpers/raw_client.ts";
import { openSocket, startSockets } from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

type Event = Incoming<WebSocketScope>;

/** Sends each message back, and collects the events. */
function echoing(events = new Tally<Event>()): Application<WebSocketScope> {
  return async (_scope, receive, send) => {
    for (;;) {
      const event = await receive();
      events.add(event);
      if (event.type === "websocket.connect") await send({ type: "websocket.accept" });
      else if (event.type === "websocket.receive") await send({ ...event, type: "websocket.send" });
      else return;
    }
  };
}

/** Waits for the end of a WebSocket, and returns its event. */
async function disconnectIn(events: Tally<Event>): Promise<Event | undefined> {
  const isEnd = ({ type }: Event) => type === "websocket.disconnect";
  await events.find(isEnd, "websocket.disconnect", 20_000);
  return events.items.find(isEnd);
}

Deno.test("text and bytes arrive unchanged in both directions", async () => {
  await using server = await startSockets(echoing());
  await using client = await openSocket(`ws://${server.host}/`);
  const sent = ["", "text", "ä€😀\u0000", encode(""), new Uint8Array([0, 255]), "x".repeat(70_000)];
  for (const message of sent) client.socket.send(message as string);
  await client.messages.reach(sent.length);
  assertEquals(client.messages.items, sent);
});

Deno.test("a message has either text or bytes", async () => {
  const events = new Tally<Event>();
  await using server = await startSockets(echoing(events));
  await using client = await openSocket(`ws://${server.host}/`);
  client.socket.send("a");
  client.socket.send(encode("b"));
  await events.reach(3);
  assertEquals(events.items, [
    { type: "websocket.connect" },
    { type: "websocket.receive", text: "a" },
    { type: "websocket.receive", bytes: encode("b") },
  ]);
});

Deno.test("a message in several frames, with a ping between them, arrives as one", async () => {
  const events = new Tally<Event>();
  await using server = await startSockets(echoing(events));
  using client = await openRawSocket(server.port);
  await client.write(frame(OPCODES.text, "a", false));
  await client.write(frame(OPCODES.ping, "p"));
  await client.write(frame(OPCODES.continuation, "b"));
  const frames = [await readFrame(client), await readFrame(client)];
  assertEquals(frames, [
    { opcode: OPCODES.pong, payload: encode("p") },
    { opcode: OPCODES.text, payload: encode("ab") },
  ]);
  assertEquals(events.items.at(-1), { type: "websocket.receive", text: "ab" });
});

Deno.test("messages that arrive before the application receives are kept in order", async () => {
  const start = Promise.withResolvers<void>();
  const texts = new Tally<string | null | undefined>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await start.promise;
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      texts.add(event.text);
    }
  });
  await using client = await openSocket(`ws://${server.host}/`);
  const sent = Array.from({ length: 1_000 }, (_, number) => String(number));
  for (const text of sent) client.socket.send(text);
  start.resolve();
  await texts.reach(sent.length);
  assertEquals(texts.items, sent);
});

Deno.test("send() calls that are not awaited keep their order", async () => {
  const sent = Array.from({ length: 200 }, (_, number) => String(number).padEnd(1_000));
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await Promise.all(sent.map((text) => send({ type: "websocket.send", text })));
    await receive();
  }, { sendBuffer: 2_000 });
  await using client = await openSocket(`ws://${server.host}/`);
  await client.messages.reach(sent.length);
  assertEquals(client.messages.items, sent);
});

Deno.test("the client gets the code and the reason of websocket.close", async () => {
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: 4001, reason: "x".repeat(123) });
  });
  await using client = await openSocket(`ws://${server.host}/`);
  const { code, reason } = await within(client.closed, "the close event");
  assertEquals([code, reason], [4001, "x".repeat(123)]);
});

Deno.test("the client gets each code that websocket.close accepts", async () => {
  const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999];
  await using server = await startSockets(async ({ path }, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await send({ type: "websocket.close", code: Number(path.slice(1)) });
  });
  const received = [];
  for (const code of codes) {
    await using client = await openSocket(`ws://${server.host}/${code}`);
    received.push((await within(client.closed, "the close event")).code);
  }
  assertEquals(received, codes);
});

Deno.test("the client gets 1000 after websocket.close without a code, and after a return", async () => {
  await using server = await startSockets(async ({ path }, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    if (path === "/close") await send({ type: "websocket.close" });
  });
  for (const path of ["/close", "/return"]) {
    await using client = await openSocket(`ws://${server.host}${path}`);
    assertEquals((await within(client.closed, "the close event")).code, 1000);
  }
  assertEquals(server.log.items, []);
});

Deno.test("the client gets 1011 without a reason if the application throws, which is logged", async () => {
  const error = new Error("the password is hunter2");
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    throw error;
  });
  await using client = await openSocket(`ws://${server.host}/room`);
  const { code, reason } = await within(client.closed, "the close event");
  assertEquals([code, reason], [1011, ""]);
  assertEquals(server.log.items, [
    { level: "error", message: "The application failed", path: "WebSocket /room", error },
  ]);
});

Deno.test("websocket.disconnect has the code and the reason of the client, or 1005", async () => {
  for (const [code, reason] of [[4002, "bye"], [1000, ""], [undefined, ""]] as const) {
    const events = new Tally<Event>();
    await using server = await startSockets(echoing(events));
    await using client = await openSocket(`ws://${server.host}/`);
    client.socket.close(code, code === undefined ? undefined : reason);
    assertEquals(await disconnectIn(events), {
      type: "websocket.disconnect",
      code: code ?? 1005,
      reason,
    });
  }
});

Deno.test("websocket.disconnect comes once, with 1006, when the TCP connection is lost", async () => {
  const events = new Tally<Event>();
  const ended = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (let type = ""; type !== "websocket.disconnect";) {
      const event = await receive();
      events.add(event);
      type = event.type;
    }
    await receive().catch(ended.resolve);
  });
  const client = await openRawSocket(server.port);
  client.close();
  const event = await disconnectIn(events);
  assertEquals(event, { type: "websocket.disconnect", code: 1006, reason: "" });
  assertEquals((await within(ended.promise, "the error") as Error).name, "ConnectionClosedError");
  await server.stop();
  assertEquals(events.items.length, 1);
  assertEquals(server.log.items, []);
});

Deno.test("websocket.disconnect comes once, with 1006, when the TCP connection is lost during send()", async () => {
  const events = new Tally<Event>();
  const { promise: caught, resolve } = Promise.withResolvers<Error>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    try {
      for (;;) await send({ type: "websocket.send", bytes: new Uint8Array(65_536) });
    } catch (error) {
      resolve(error as Error);
    }
    events.add(await receive());
    await receive().then((event) => events.add(event), () => {});
  }, { sendBuffer: 200_000 });
  const client = await openRawSocket(server.port);
  await readFrame(client);
  client.close();
  assertEquals((await within(caught, "the error", 20_000)).name, "ConnectionClosedError");
  await server.stop();
  assertEquals(events.items, [{ type: "websocket.disconnect", code: 1006, reason: "" }]);
  assertEquals(server.log.items, []);
});

Deno.test("send() after the end rejects with a ConnectionClosedError, which is not logged", async () => {
  const errors = new Tally<string>();
  await using server = await startSockets(async ({ path }, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    if (path === "/own") await send({ type: "websocket.close" });
    await receive();
    for (const type of ["websocket.send", "websocket.close", "websocket.accept"]) {
      await send({ type, text: "late" } as Outgoing<WebSocketScope>).catch(({ name }) =>
        errors.add(name)
      );
    }
    await send({ type: "websocket.send", text: "late" });
  });
  await using own = await openSocket(`ws://${server.host}/own`);
  await within(own.closed, "the close event");
  {
    await using _client = await openSocket(`ws://${server.host}/client`);
  }
  await errors.reach(6);
  assertEquals(errors.items, Array(6).fill("ConnectionClosedError"));
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("frames after websocket.close do not reach the application", async () => {
  const events = new Tally<Event>();
  const { promise: isSent, resolve: sent } = Promise.withResolvers<void>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    events.add(await receive());
    await send({ type: "websocket.close", code: 4000 });
    await isSent;
    events.add(await receive());
  });
  using client = await openRawSocket(server.port);
  await client.write(frame(OPCODES.text, "before"));
  assertEquals(await readCloseCode(client), 4000);
  await client.write(frame(OPCODES.text, "after"));
  await client.write(frame(OPCODES.close, new Uint8Array([3, 232])));
  sent();
  await events.reach(2);
  await server.stop();
  assertEquals(events.items, [
    { type: "websocket.receive", text: "before" },
    { type: "websocket.disconnect", code: 4000, reason: "" },
  ]);
});

Deno.test("an application that ignores the end counts as ended", async () => {
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (;;) await receive().catch(() => {});
  });
  {
    await using _client = await openSocket(`ws://${server.host}/`);
  }
  await server.stop();
  assertEquals(server.log.items, []);
});
