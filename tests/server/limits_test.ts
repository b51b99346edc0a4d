import { assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { type Application, ProtocolTypeRouter, type WebSocketScope } from "@asgi/channels";
import type { Incoming } from "@asgi/channels/protocol";
import type { ServeOptions } from "@asgi/channels/server";
import { Tally } from "../helpers/events.ts";
import {
  connectRaw,
  encode,
  exchangeRaw,
  frame,
  handshakeFor,
  OPCODES,
  openRawSocket,
  openSocket,
  readCloseCode,
  readFrame,
  startServer,
  type TestServer,
} from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

type Event = Incoming<WebSocketScope>;

const MIB = 1_048_576;

/** Serves an application for WebSockets, and answers HTTP requests. */
function startSite(
  websocket: Application<WebSocketScope>,
  options: ServeOptions = {},
): Promise<TestServer> {
  return startServer(
    ProtocolTypeRouter({
      websocket,
      http: async ({ path }, _receive, send) => {
        await send({ type: "http.response.start", status: 200 });
        await send({ type: "http.response.body", body: encode(path) });
      },
    }),
    options,
  );
}

/** Sends the sizes of messages back, and collects the events. */
function measuring(events: Tally<Event>): Application<WebSocketScope> {
  return async (_scope, receive, send) => {
    for (;;) {
      const event = await receive();
      events.add(event);
      if (event.type === "websocket.connect") await send({ type: "websocket.accept" });
      else if (event.type === "websocket.disconnect") return;
      else {
        const { length } = event.text ?? event.bytes;
        await send({ type: "websocket.send", text: String(length) });
      }
    }
  };
}

/** Accepts, and receives nothing until a promise resolves. */
function deaf(until: Promise<void>, events: Tally<Event>): Application<WebSocketScope> {
  return async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await until;
    for (let type = ""; type !== "websocket.disconnect";) {
      const event = await receive();
      events.add(event);
      type = event.type;
    }
  };
}

/** Asserts that a server still answers HTTP requests and WebSockets. */
async function assertServes({ host }: TestServer): Promise<void> {
  const response = await fetch(`http://${host}/alive`);
  assertEquals(await response.text(), "/alive");
  await using _client = await openSocket(`ws://${host}/`);
}

/** A message of 100 bytes, as text of that many bytes in UTF-8, or as bytes. */
const HUNDRED = { ASCII: "x".repeat(100), "UTF-8": "ä".repeat(50), bytes: new Uint8Array(100) };

for (const [kind, message] of Object.entries(HUNDRED)) {
  Deno.test(`a message of maxMessageSize arrives, and a larger one closes with 1009: ${kind}`, async () => {
    const events = new Tally<Event>();
    await using server = await startSite(measuring(events), { maxMessageSize: 100 });
    await using client = await openSocket(`ws://${server.host}/`);
    client.socket.send(message);
    await client.messages.reach(1);
    client.socket.send(typeof message === "string" ? `${message}x` : new Uint8Array(101));
    assertEquals((await within(client.closed, "the close event")).code, 1009);
    assertEquals(client.messages.items, [String(message.length)]);
    await events.reach(3);
    assertEquals(events.items[2], { type: "websocket.disconnect", code: 1009, reason: "" });
    await assertServes(server);
  });
}

Deno.test("more unread bytes than receiveBuffer close a WebSocket with 1008", async () => {
  const events = new Tally<Event>();
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startSite(deaf(promise, events), { receiveBuffer: 10_000 });
  await using client = await openSocket(`ws://${server.host}/`);
  for (let sent = 0; sent < 20; sent++) client.socket.send("x".repeat(1_000));
  assertEquals((await within(client.closed, "the close event")).code, 1008);
  resolve();
  await events.find(({ type }) => type === "websocket.disconnect", "websocket.disconnect");
  const sizes = events.items.map((event) => "text" in event ? event.text?.length : event);
  assertEquals(sizes, [
    ...Array(8).fill(1_000),
    { type: "websocket.disconnect", code: 1008, reason: "" },
  ]);
});

Deno.test("a client that has sent more messages than the application reads gets its close code", async () => {
  await using server = await startSite(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    await receive();
    await send({ type: "websocket.close", code: 4000 });
  });
  using client = await openRawSocket(server.port);
  await client.write(new Uint8Array(Array(50).fill([...frame(OPCODES.text, "x")]).flat()));
  assertEquals(await readCloseCode(client), 4000);
});

Deno.test("empty messages fill receiveBuffer as well", async () => {
  const events = new Tally<Event>();
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startSite(deaf(promise, events), { receiveBuffer: 10_000 });
  await using client = await openSocket(`ws://${server.host}/`);
  for (let sent = 0; sent < 1_000; sent++) client.socket.send("");
  assertEquals((await within(client.closed, "the close event")).code, 1008);
  resolve();
  await events.find(({ type }) => type === "websocket.disconnect", "websocket.disconnect");
  assertLess(events.items.length, 100);
});

Deno.test("a message larger than receiveBuffer arrives if nothing else is unread", async () => {
  const events = new Tally<Event>();
  await using server = await startSite(measuring(events), { receiveBuffer: 10 });
  await using client = await openSocket(`ws://${server.host}/`);
  client.socket.send("x".repeat(1_000));
  await client.messages.reach(1);
  assertEquals(client.messages.items, ["1000"]);
});

Deno.test("100,000 messages without a pause end at most their own WebSocket", async () => {
  const events = new Tally<Event>();
  await using server = await startSite(measuring(events));
  await using patient = await openSocket(`ws://${server.host}/`);
  using hostile = await openRawSocket(server.port);
  const burst = new Uint8Array(Array(1_000).fill([...frame(OPCODES.text, "x")]).flat());
  try {
    for (let sent = 0; sent < 100; sent++) await hostile.write(burst);
  } catch (error) {
    // The server has closed the connection.
    if (!(error instanceof Error)) throw error;
  }
  patient.socket.send("still here");
  await patient.messages.reach(1);
  await assertServes(server);
});

Deno.test("a client that reads nothing fills sendBuffer, is closed with 1013, and disturbs no other", async () => {
  const [sent, events] = [new Tally<number>(), new Tally<unknown>()];
  await using server = await startSite(async ({ path }, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    if (path !== "/deaf") return void await receive();
    try {
      for (;;) {
        await send({ type: "websocket.send", bytes: new Uint8Array(65_536) });
        sent.add(65_536);
      }
    } catch (error) {
      events.add((error as Error).name);
    }
    events.add(await receive());
  }, { sendTimeout: 500 });
  using client = await openRawSocket(server.port, "/deaf");
  await events.reach(2);
  assertEquals(events.items, [
    "ConnectionClosedError",
    { type: "websocket.disconnect", code: 1013, reason: "" },
  ]);
  // One buffer is the server's, the others belong to TCP.
  assertLess(sent.items.length * 65_536, 16 * MIB);
  await assertServes(server);
  // What was sent before arrives if the client does read.
  let size = 0;
  for (;;) {
    const { opcode, payload } = await readFrame(client);
    if (opcode === OPCODES.close) {
      assertEquals(payload, new Uint8Array([3, 245]));
      break;
    }
    size += payload.length;
  }
  assertEquals(size, sent.items.length * 65_536);
  assertEquals(server.log.items, []);
});

Deno.test("send() waits for a slow client, and continues when it reads", async () => {
  const count = 300;
  await using server = await startSite(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (let sent = 0; sent < count; sent++) {
      await send({ type: "websocket.send", bytes: new Uint8Array(65_536) });
    }
    await send({ type: "websocket.close" });
  }, { sendBuffer: 100_000 });
  using client = await openRawSocket(server.port);
  let size = 0;
  for (let frames = 0; frames < count; frames++) size += (await readFrame(client)).payload.length;
  assertEquals(size, count * 65_536);
  assertEquals(await readCloseCode(client), 1000);
});

/** Frames that break the protocol. */
const BAD_FRAMES: readonly (readonly [name: string, frames: Uint8Array])[] = [
  ["a reserved opcode", frame(3, "x")],
  ["a reserved bit", new Uint8Array([193, 129, 0, 0, 0, 0, 120])],
  ["a continuation without a start", frame(OPCODES.continuation, "x")],
  ["a ping in fragments", frame(OPCODES.ping, "x", false)],
  ["a ping of 126 bytes", frame(OPCODES.ping, "x".repeat(126))],
  ["text that is not UTF-8", frame(OPCODES.text, new Uint8Array([255]))],
  ["a close frame of one byte", frame(OPCODES.close, new Uint8Array([3]))],
  ["a close frame with code 1005", frame(OPCODES.close, new Uint8Array([3, 237]))],
  ["a length of 2^63", new Uint8Array([130, 255, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
];

for (const [name, frames] of BAD_FRAMES) {
  Deno.test(`${name} ends the WebSocket of its sender, and no other`, async () => {
    const [events, others] = [new Tally<Event>(), new Tally<Event>()];
    await using server = await startSite((scope, receive, send) =>
      measuring(scope.path === "/bad" ? events : others)(scope, receive, send)
    );
    await using patient = await openSocket(`ws://${server.host}/`);
    using client = await openRawSocket(server.port, "/bad");
    await client.write(frames);
    const isEnd = ({ type }: Event) => type === "websocket.disconnect";
    await events.find(isEnd, "websocket.disconnect", 20_000);
    patient.socket.send("still here");
    await patient.messages.reach(1);
    assertEquals(events.items.map(({ type }) => type), [
      "websocket.connect",
      "websocket.disconnect",
    ]);
    assertEquals(others.items.map(({ type }) => type), ["websocket.connect", "websocket.receive"]);
    assertEquals(server.log.items, []);
  });
}

Deno.test("clients that send their headers slowly do not delay others", async () => {
  await using server = await startSite(measuring(new Tally<Event>()));
  const slow = await Promise.all(Array.from({ length: 20 }, () => connectRaw(server.port)));
  for (const client of slow) await client.write("GET / HTTP/1.1\r\nx-");
  await assertServes(server);
  for (const client of slow) client.close();
});

Deno.test("a request that is not HTTP ends only its own connection", async () => {
  await using server = await startSite(measuring(new Tally<Event>()));
  for (const request of ["\u0000\u0001\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9\r\n\r\n"]) {
    assertMatch(await exchangeRaw(server.port, request), /^(HTTP\/1.1 400|$)/);
  }
  const huge = handshakeFor(server.port, { "x-huge": "x".repeat(MIB) });
  assertMatch(await exchangeRaw(server.port, huge).catch(() => ""), /^(HTTP\/1.1 4|$)/);
  await assertServes(server);
  assertEquals(server.log.items, []);
});

Deno.test("limits that are not positive numbers reject with a RangeError", async () => {
  for (const name of ["maxMessageSize", "receiveBuffer", "sendBuffer"] as const) {
    for (const value of [0, -1, NaN, Infinity, "9" as unknown as number]) {
      const starting = () => startSite(() => Promise.resolve(), { [name]: value });
      await assertRejects(starting, RangeError, `${name} must be a number of bytes`);
    }
  }
  for (const name of ["sendTimeout", "handshakeTimeout", "shutdownTimeout"] as const) {
    for (const value of [0, -1, NaN, 2 ** 31, "9" as unknown as number]) {
      const starting = () => startSite(() => Promise.resolve(), { [name]: value });
      await assertRejects(starting, RangeError, `${name} must be a number of milliseconds`);
    }
  }
});

Deno.test("a rootPath with a slash at its end, or without one at its start, rejects", async () => {
  for (const rootPath of ["app", "/app/", "/", "app/"]) {
    const starting = () => startSite(() => Promise.resolve(), { rootPath });
    await assertRejects(starting, TypeError, "rootPath must start with a slash");
  }
});
