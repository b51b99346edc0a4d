import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type Application, ProtocolTypeRouter, type WebSocketScope } from "@asgi/channels";
import type { ServeOptions } from "@asgi/channels/server";
import {
  connectRaw,
  encode,
  exchangeRaw,
  handshakeFor,
  openSocket,
  startServer,
  type TestServer,
} from "../helpers/server.ts";
import { Tally } from "../helpers/events.ts";
import { within } from "../helpers/waiting.ts";

/** Serves an application for WebSockets. */
function startSockets(
  websocket: Application<WebSocketScope>,
  options: ServeOptions = {},
): Promise<TestServer> {
  return startServer(ProtocolTypeRouter({ websocket }), options);
}

/** Accepts, and waits for the end. */
const accepting: Application<WebSocketScope> = async (_scope, receive, send) => {
  await send({ type: "websocket.accept" });
  for (let type = ""; type !== "websocket.disconnect";) type = (await receive()).type;
};

/** Returns the first line of the response to a handshake; the client vanishes then. */
async function statusOf(
  { port }: TestServer,
  changes: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  using client = await connectRaw(port);
  await client.write(handshakeFor(port, changes));
  return (await client.readUntil("\r\n")).trim();
}

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
  assertEquals(await statusOf(server, {}), "HTTP/1.1 500 Internal Server Error");
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
  assertEquals(await statusOf(server, {}), "HTTP/1.1 404 Not Found");
  assertEquals(server.log.items, []);
});

Deno.test("an application that does not decide within handshakeTimeout causes a 500 and its end", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await using server = await startSockets(async (_scope, receive) => {
    await receive();
    resolve(await receive());
  }, { handshakeTimeout: 50 });
  assertEquals(await statusOf(server, {}), "HTTP/1.1 500 Internal Server Error");
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
  assertEquals(await statusOf(server, {}), "HTTP/1.1 500 Internal Server Error");
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
    assertEquals(await statusOf(server, changes), `HTTP/1.1 ${status}`);
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
  assertMatch(await statusOf(server, changes), /^HTTP\/1.1 101 /);
});

Deno.test("a request with another Upgrade is an HTTP request", async () => {
  await using server = await startServer(ProtocolTypeRouter({
    http: async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body" });
    },
  }));
  assertEquals(await statusOf(server, { upgrade: "h2c" }), "HTTP/1.1 200 OK");
});

/** Origins, the option, and whether a WebSocket for the Host may be opened. */
const ORIGINS: readonly (readonly [
  origin: string | undefined,
  allowed: "*" | readonly string[] | undefined,
  host: string,
  isAllowed: boolean,
])[] = [
  [undefined, undefined, "example.com", true],
  [undefined, [], "example.com", true],
  ["http://example.com", undefined, "example.com", true],
  ["http://EXAMPLE.com", undefined, "example.COM", true],
  ["http://example.com", undefined, "example.com:80", true],
  ["https://example.com", undefined, "example.com:443", true],
  ["https://example.com", undefined, "example.com", true],
  ["http://example.com:8000", undefined, "example.com:8000", true],
  ["http://[::1]:8000", undefined, "[::1]:8000", true],
  ["http://example.com", undefined, "example.com:8000", false],
  ["http://example.com:8001", undefined, "example.com:8000", false],
  ["http://[::2]:8000", undefined, "[::1]:8000", false],
  ["http://evil.com", undefined, "example.com", false],
  ["http://example.com.evil.com", undefined, "example.com", false],
  ["http://example.com@evil.com", undefined, "example.com", false],
  ["null", undefined, "example.com", false],
  ["", undefined, "example.com", false],
  ["file://", undefined, "example.com", false],
  ["not an origin", undefined, "example.com", false],
  ["http://evil.com", "*", "example.com", true],
  ["null", "*", "example.com", true],
  ["https://app.example.com", ["https://app.example.com"], "example.com", true],
  ["https://APP.example.com", ["https://app.example.com"], "example.com", true],
  ["https://app.example.com", ["https://APP.example.com"], "example.com", true],
  ["http://app.example.com", ["https://app.example.com"], "example.com", false],
  ["https://app.example.com:444", ["https://app.example.com"], "example.com", false],
  ["http://example.com", ["https://app.example.com"], "example.com", false],
  ["null", ["https://app.example.com"], "example.com", false],
  ["http://example.com", [], "example.com", false],
];

for (const [origin, allowedOrigins, host, isAllowed] of ORIGINS) {
  const what = `a page of ${origin ?? "no origin"} ${isAllowed ? "may" : "may not"} open ` +
    `a WebSocket of ${host} if allowedOrigins is ${JSON.stringify(allowedOrigins)}`;
  Deno.test(what, async () => {
    await using server = await startSockets(accepting, allowedOrigins ? { allowedOrigins } : {});
    const status = await statusOf(server, { host, origin });
    assertMatch(status, isAllowed ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 403 /);
    assertEquals(server.log.items.length, isAllowed ? 0 : 1);
  });
}

Deno.test("a rejected origin is logged, with what would allow it", async () => {
  await using server = await startSockets(accepting);
  await statusOf(server, { host: "example.com", origin: "http://evil.com" });
  assertEquals(server.log.items, [{
    level: "warn",
    message: "Rejected a WebSocket from the origin http://evil.com: " +
      "the request is for example.com; allowedOrigins can allow it",
  }]);
});

Deno.test("allowedOrigins with something else than an origin rejects", async () => {
  for (
    const origin of ["example.com", "https://example.com/", "https://example.com/a", "null", ""]
  ) {
    const starting = () => startSockets(accepting, { allowedOrigins: [origin] });
    await assertRejects(starting, TypeError, "allowedOrigins must contain origins such as");
  }
});

/** Messages that `send()` rejects before the end of the handshake, and what the error says. */
const WRONG: readonly (readonly [name: string, message: object, says: string])[] = [
  [
    "websocket.send before websocket.accept",
    { type: "websocket.send", text: "x" },
    "allowed is websocket.accept",
  ],
  ["an unknown type", { type: "websocket.approve" }, "allowed is websocket.accept"],
  [
    "a body of a denial before its start",
    { type: "websocket.http.response.body" },
    "websocket.accept",
  ],
  ["a subprotocol that was not offered", { type: "websocket.accept", subprotocol: "z" }, "(a, b)"],
  ["a subprotocol of another type", { type: "websocket.accept", subprotocol: 1 }, "got 1"],
  ["headers that are not pairs", { type: "websocket.accept", headers: [["a"]] }, "pairs"],
  [
    "a header of the handshake",
    { type: "websocket.accept", headers: [["Upgrade", "x"]] },
    "upgrade",
  ],
  ["sec-websocket-protocol", {
    type: "websocket.accept",
    headers: [["Sec-WebSocket-Protocol", "a"]],
  }, "sec-websocket-protocol"],
  ["a close code that is not a number", { type: "websocket.close", code: "1000" }, "code must be"],
  ["a denial without status", { type: "websocket.http.response.start" }, "status must be"],
  ["a denial with status 101", { type: "websocket.http.response.start", status: 101 }, "from 200"],
];

for (const [name, message, says] of WRONG) {
  Deno.test(`send() of ${name} rejects with a TypeError, and the handshake is still open`, async () => {
    const caught = new Tally<unknown>();
    await using server = await startSockets(async (scope, receive, send) => {
      const sendAny = send as (message: object) => Promise<void>;
      await sendAny(message).then(() => caught.add(undefined), (error) => caught.add(error));
      await accepting(scope, receive, send);
    });
    await using _socket = await openSocket(`ws://${server.host}/`, ["a", "b"]);
    const [error] = caught.items;
    assertEquals((error as Error | undefined)?.constructor, TypeError);
    assertStringIncludes((error as Error).message, says);
  });
}

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
