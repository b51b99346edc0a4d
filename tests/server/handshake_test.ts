import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ProtocolTypeRouter, type WebSocketScope } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { connectRaw, encode, exchangeRaw, handshakeFor } from "../helpers/raw_client.ts";
import {
  accepting,
  handshakeStatus,
  openSocket,
  startServer,
  startSockets,
} from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

Deno.test("the scope of a WebSocket has the keys of the specification", async () => {
  const { promise, resolve } = Promise.withResolvers<WebSocketScope>();
  await using server = await startSockets(async (scope, receive, send) => {
    resolve(scope);
    await accepting(scope, receive, send);
  }, { rootPath: "/app" });
  const { port, host } = server;
  await using _socket = await openSocket(`ws://${host}/app/r%20m?x=1`, ["chat", "chat.v2"]);
  const { client, headers, ...rest } = await promise;
  assertEquals(rest, {
    type: "websocket",
    asgi: { version: "3.0", spec_version: "2.5" },
    http_version: "1.1",
    scheme: "ws",
    path: "/app/r m",
    raw_path: "/app/r%20m",
    query_string: "x=1",
    root_path: "/app",
    server: ["127.0.0.1", port],
    params: {},
    subprotocols: ["chat", "chat.v2"],
    extensions: { "websocket.http.response": {} },
  });
  assertEquals(client?.[0], "127.0.0.1");
  assertEquals(headers.find(([name]) => name === "host")?.[1], host);
});

Deno.test("websocket.connect comes first, and the client waits for websocket.accept", async () => {
  const order: string[] = [];
  const decided = Promise.withResolvers<void>();
  const connected = Promise.withResolvers<void>();
  await using server = await startSockets(async (_scope, receive, send) => {
    order.push((await receive()).type);
    connected.resolve();
    await decided.promise;
    order.push("accept");
    await send({ type: "websocket.accept" });
    await receive();
  });
  const opening = openSocket(`ws://${server.host}/`).then((socket) => (order.push("open"), socket));
  await connected.promise;
  decided.resolve();
  await using _socket = await opening;
  assertEquals(order, ["websocket.connect", "accept", "open"]);
});

Deno.test("websocket.accept chooses a subprotocol and adds header fields", async () => {
  await using server = await startSockets(async (_scope, receive, send) => {
    const headers = [["x-kind", "a"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] as const;
    await send({ type: "websocket.accept", subprotocol: "b", headers });
    await receive();
  });
  using client = await connectRaw(server.port);
  await client.write(handshakeFor(server.port, { "sec-websocket-protocol": "a, b" }));
  const head = (await client.readUntil("\r\n\r\n")).toLowerCase();
  assertMatch(head, /^http\/1.1 101 /);
  for (
    const line of ["sec-websocket-protocol: b", "x-kind: a", "set-cookie: a=1", "set-cookie: b=2"]
  ) {
    assertStringIncludes(head, line);
  }
});

Deno.test("websocket.close before websocket.accept is a 403, and websocket.disconnect", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.close", code: 4001, reason: "no" });
    resolve(await receive());
  });
  const answer = await exchangeRaw(
    server.port,
    handshakeFor(server.port, { connection: "upgrade, close" }),
  );
  assertMatch(answer, /^HTTP\/1.1 403 Forbidden\r\n/);
  assertEquals(answer.split("\r\n\r\n")[1], "Forbidden\n");
  const event = await within(promise, "the event");
  assertEquals(event, { type: "websocket.disconnect", code: 4001, reason: "no" });
  assertEquals(server.log.items, []);
});

Deno.test("websocket.http.response denies with any response, in several parts", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    const headers = [["x-kind", "a"], ["connection", "close"]] as const;
    await send({ type: "websocket.http.response.start", status: 401, headers });
    await send({ type: "websocket.http.response.body", body: encode("who "), more_body: true });
    await send({ type: "websocket.http.response.body", body: encode("are "), more_body: true });
    await send({ type: "websocket.http.response.body", body: encode("you?") });
    resolve(await receive());
  });
  const { port } = server;
  using client = await connectRaw(port);
  await client.write(handshakeFor(port));
  const head = await client.readUntil("\r\n\r\n");
  assertMatch(head, /^HTTP\/1.1 401 Unauthorized\r\n/);
  assertStringIncludes(head, "x-kind: a");
  const body = await client.readUntil("\r\n0\r\n\r\n");
  assertEquals(body.replaceAll(/[0-9a-f]+\r\n(.*?)\r\n/g, "$1"), "who are you?");
  const event = await within(promise, "the event") as { type: string; code: number };
  assertEquals([event.type, event.code], ["websocket.disconnect", 1006]);
  assertEquals(server.log.items, []);
});

Deno.test("an application that returns in the middle of a denial aborts it", async () => {
  await using server = await startSockets(async (_scope, _receive, send) => {
    await send({ type: "websocket.http.response.start", status: 401 });
    await send({ type: "websocket.http.response.body", body: encode("half"), more_body: true });
  });
  const answer = await exchangeRaw(server.port, handshakeFor(server.port));
  assertMatch(answer, /^HTTP\/1.1 401 /);
  assertEquals(answer.endsWith("\r\n0\r\n\r\n"), false);
  const messages = server.log.items.map(({ message }) => message);
  assertEquals(messages, ["The application returned in the middle of a response"]);
});

Deno.test("an application that returns after the start of a denial causes a 500", async () => {
  await using server = await startSockets((_scope, _receive, send) =>
    send({ type: "websocket.http.response.start", status: 401 })
  );
  assertEquals(await handshakeStatus(server, {}), "HTTP/1.1 500 Internal Server Error");
});

Deno.test("an application that throws or returns before it has decided causes a 500", async () => {
  const error = new Error("the password is hunter2");
  await using server = await startSockets(({ path }) =>
    path === "/throws" ? Promise.reject(error) : Promise.resolve()
  );
  for (const path of ["/throws", "/returns"]) {
    using client = await connectRaw(server.port);
    await client.write(handshakeFor(server.port, {}, path));
    const head = await client.readUntil("\r\n\r\n");
    assertMatch(head, /^HTTP\/1.1 500 Internal Server Error\r\n/);
    assertEquals(await client.readUntil("\n"), "Internal Server Error\n");
  }
  assertEquals(server.log.items, [
    { level: "error", message: "The application failed", path: "WebSocket /throws", error },
    {
      level: "error",
      message: "The application returned without a response",
      path: "WebSocket /returns",
    },
  ]);
});

Deno.test("a WebSocket without a route gets a 404", async () => {
  await using server = await startServer(ProtocolTypeRouter({}));
  assertEquals(await handshakeStatus(server, {}), "HTTP/1.1 404 Not Found");
  assertEquals(server.log.items, []);
});

Deno.test("an application that does not decide within handshakeTimeout causes a 500 and its end", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, receive) => {
    await receive();
    resolve(await receive());
  }, { handshakeTimeout: 50 });
  assertEquals(await handshakeStatus(server, {}), "HTTP/1.1 500 Internal Server Error");
  assertEquals(await within(promise, "the event"), {
    type: "websocket.disconnect",
    code: 1006,
    reason: "",
  });
  assertEquals(server.log.items.map(({ message }) => message), [
    "The application did not accept or reject a WebSocket within 50 ms",
  ]);
});

Deno.test("websocket.accept after handshakeTimeout rejects with a ConnectionClosedError", async () => {
  const late = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, _receive, send) => {
    await late.promise;
    await send({ type: "websocket.accept" }).then(resolve, resolve);
  }, { handshakeTimeout: 20 });
  assertEquals(await handshakeStatus(server, {}), "HTTP/1.1 500 Internal Server Error");
  late.resolve();
  assertEquals((await within(promise, "the error") as Error).name, "ConnectionClosedError");
});

/** Handshakes that never reach the application, and the status of the response. */
const INVALID: readonly (readonly [
  name: string,
  changes: Readonly<Record<string, string | undefined>>,
  status: string,
])[] = [
  ["version 8", { "sec-websocket-version": "8" }, "426 Upgrade Required"],
  ["no version", { "sec-websocket-version": undefined }, "426 Upgrade Required"],
  ["no key", { "sec-websocket-key": undefined }, "400 Bad Request"],
  ["no connection field", { connection: undefined }, "400 Bad Request"],
  ["connection: close", { connection: "close" }, "400 Bad Request"],
  ["a key that is too short", { "sec-websocket-key": "AAAA" }, "400 Bad Request"],
  ["a key that is not base64", { "sec-websocket-key": "!".repeat(24) }, "400 Bad Request"],
];

for (const [name, changes, status] of INVALID) {
  Deno.test(`a handshake with ${name} gets a ${status}`, async () => {
    await using server = await startSockets(accepting);
    assertEquals(await handshakeStatus(server, changes), `HTTP/1.1 ${status}`);
    assertEquals(server.log.items, []);
  });
}

Deno.test("a handshake by POST gets a 400", async () => {
  await using server = await startSockets(accepting);
  const request = handshakeFor(server.port, { "content-length": "0" }).replace("GET", "POST");
  using client = await connectRaw(server.port);
  await client.write(request);
  assertEquals(await client.readUntil("\r\n"), "HTTP/1.1 400 Bad Request\r\n");
});

Deno.test("a handshake with several values of Connection and Upgrade in other letters is accepted", async () => {
  await using server = await startSockets(accepting);
  const changes = { connection: "keep-alive, UPGRADE", upgrade: "WebSocket" };
  assertMatch(await handshakeStatus(server, changes), /^HTTP\/1.1 101 /);
});

Deno.test("a request with another Upgrade is an HTTP request", async () => {
  await using server = await startServer(ProtocolTypeRouter({
    http: async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body" });
    },
  }));
  assertEquals(await handshakeStatus(server, { upgrade: "h2c" }), "HTTP/1.1 200 OK");
});

Deno.test("a client that vanishes during the handshake ends the application with websocket.disconnect", async () => {
  const connected = Promise.withResolvers<void>();
  const vanished = Promise.withResolvers<void>();
  const events = new Tally<string>();
  await using server = await startSockets(async (_scope, receive, send) => {
    connected.resolve();
    await vanished.promise;
    await send({ type: "websocket.accept" }).catch(({ name }) => events.add(name));
    for (let type = ""; type !== "websocket.disconnect";) events.add(type = (await receive()).type);
  });
  const client = await connectRaw(server.port);
  await client.write(handshakeFor(server.port));
  await connected.promise;
  client.close();
  vanished.resolve();
  await events.find((type) => type === "websocket.disconnect", "websocket.disconnect", 20_000);
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("half a handshake does not disturb others", async () => {
  await using server = await startSockets(accepting);
  using half = await connectRaw(server.port);
  await half.write(handshakeFor(server.port).slice(0, 60));
  await using _socket = await openSocket(`ws://${server.host}/`);
  half.close();
  await using _another = await openSocket(`ws://${server.host}/`);
  assertEquals(server.log.items, []);
});
