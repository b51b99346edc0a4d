import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Application, type HttpScope, ProtocolTypeRouter } from "@asgi/channels";
import {
  connectRaw,
  encode,
  exchangeRaw,
  startServer,
  type TestServer,
} from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

/** Serves an application for HTTP requests. */
function startHttp(http: Application<HttpScope>): Promise<TestServer> {
  return startServer(ProtocolTypeRouter({ http }));
}

/** Returns an application that answers with 204, and resolves a promise with its scope. */
function scopeKeeper(): { http: Application<HttpScope>; scope: Promise<HttpScope> } {
  const { promise, resolve } = Promise.withResolvers<HttpScope>();
  const http: Application<HttpScope> = async (scope, _receive, send) => {
    resolve(scope);
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
  };
  return { http, scope: promise };
}

Deno.test("the scope of a request has the keys of the specification", async () => {
  const { http, scope } = scopeKeeper();
  await using server = await startHttp(http);
  const { port, host } = server;
  await exchangeRaw(
    port,
    `PATCH /a%2Fb/c%20d/%C3%A4?x=%20y&z HTTP/1.1\r\nHost: ${host}\r\nX-Two: 1\r\nconnection: close\r\n\r\n`,
  );
  const { client, headers, extensions, ...rest } = await scope;
  assertEquals(rest, {
    type: "http",
    asgi: { version: "3.0", spec_version: "2.5" },
    http_version: "1.1",
    method: "PATCH",
    scheme: "http",
    path: "/a/b/c d/ä",
    raw_path: "/a%2Fb/c%20d/%C3%A4",
    query_string: "x=%20y&z",
    root_path: "",
    server: ["127.0.0.1", port],
    params: {},
  });
  assertEquals(client?.[0], "127.0.0.1");
  assertEquals(typeof client?.[1], "number");
  assertEquals(new Headers([...headers].map(([...pair]) => pair)).get("host"), host);
  assertEquals(headers.find(([name]) => name.toLowerCase() === "x-two"), ["x-two", "1"]);
  assertEquals(Object.keys(extensions ?? {}), ["http.response.pathsend"]);
});

Deno.test("rootPath is the root_path of a scope, and stays a part of its path", async () => {
  const scopes: HttpScope[] = [];
  await using server = await startServer(
    ProtocolTypeRouter({
      http: async (scope: HttpScope, _receive, send) => {
        scopes.push(scope);
        await send({ type: "http.response.start", status: 204 });
        await send({ type: "http.response.body" });
      },
    }),
    { rootPath: "/app" },
  );
  await fetch(`http://${server.host}/app/rooms`);
  assertEquals(scopes.map(({ root_path, path }) => [root_path, path]), [["/app", "/app/rooms"]]);
});

Deno.test("a response has the status, the header fields and the body that the application sends", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    const headers = [["X-Kind", "a"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] as const;
    await send({ type: "http.response.start", status: 418, headers });
    await send({ type: "http.response.body", body: encode("a"), more_body: true });
    await send({ type: "http.response.body", body: encode("b") });
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals(response.status, 418);
  assertEquals(response.headers.get("x-kind"), "a");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(await response.text(), "ab");
});

Deno.test("http.response.start is sent with the first part of the body", async () => {
  const failed = new Error("after the start");
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    throw failed;
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertEquals(server.log.items.map(({ error }) => error), [failed]);
});

Deno.test("a response to HEAD has the header fields, and no body", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    const headers = [["content-length", "5"], ["x-kind", "a"]] as const;
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body", body: encode("hello") });
  });
  const answer = await exchangeRaw(
    server.port,
    `HEAD / HTTP/1.1\r\nhost: ${server.host}\r\nconnection: close\r\n\r\n`,
  );
  assertMatch(answer, /^HTTP\/1.1 200 OK\r\n/);
  assertMatch(answer, /x-kind: a\r\n/);
  assertMatch(answer, /content-length: 5\r\n/);
  assertEquals(answer.split("\r\n\r\n")[1], "");
  assertEquals(server.log.items, []);
});

for (const status of [204, 304]) {
  Deno.test(`a response with status ${status} has no body, whatever the application sends`, async () => {
    await using server = await startHttp(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status });
      await send({ type: "http.response.body", body: encode("lost"), more_body: true });
      await send({ type: "http.response.body", body: encode("lost") });
    });
    const request = `GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`;
    using client = await connectRaw(server.port);
    // The second response would be garbled by a body of the first.
    await client.write(request + request);
    const first = await client.readUntil("\r\n\r\n");
    const second = await client.readUntil("\r\n\r\n");
    assertMatch(first, new RegExp(`^HTTP/1.1 ${status} `));
    assertMatch(second, new RegExp(`^HTTP/1.1 ${status} `));
    assertEquals(server.log.items, []);
  });
}

Deno.test("an endless body that is not sent ends with a ConnectionClosedError", async () => {
  const ended = Promise.withResolvers<unknown>();
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    try {
      for (;;) await send({ type: "http.response.body", body: encode("tick"), more_body: true });
    } catch (error) {
      ended.resolve(error);
      throw error;
    }
  });
  const response = await fetch(`http://${server.host}/`, { method: "HEAD" });
  assertEquals([response.status, await response.text()], [200, ""]);
  const error = await within(ended.promise, "the error");
  assertEquals((error as Error).name, "ConnectionClosedError");
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("an application that returns without a response causes a 500, and a line in the log", async () => {
  await using server = await startHttp(async () => {});
  const response = await fetch(`http://${server.host}/rooms/1`);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertEquals(server.log.items, [{
    level: "error",
    message: "The application returned without a response",
    path: "GET /rooms/1",
  }]);
});

Deno.test("a 500 reveals nothing of the error, which is logged", async () => {
  const error = new Error("the password is hunter2");
  await using server = await startHttp(() => Promise.reject(error));
  const answer = await exchangeRaw(
    server.port,
    `GET / HTTP/1.1\r\nhost: ${server.host}\r\nconnection: close\r\n\r\n`,
  );
  assertMatch(answer, /^HTTP\/1.1 500 Internal Server Error\r\n/);
  assertEquals(answer.split("\r\n\r\n")[1], "Internal Server Error\n");
  assertEquals(answer.includes("hunter2"), false);
  assertEquals(server.log.items, [{
    level: "error",
    message: "The application failed",
    path: "GET /",
    error,
  }]);
});

Deno.test("an application that throws synchronously, or undefined, causes a 500", async () => {
  await using server = await startHttp(
    (() => {
      throw undefined;
    }) as Application<HttpScope>,
  );
  const response = await fetch(`http://${server.host}/`);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  assertEquals(server.log.items.map((entry) => "error" in entry), [true]);
});

Deno.test("a request without a route gets a 404, and no line in the log", async () => {
  await using server = await startServer(ProtocolTypeRouter({}));
  const response = await fetch(`http://${server.host}/`);
  assertEquals([response.status, await response.text()], [404, "Not Found\n"]);
  assertEquals(server.log.items, []);
});

Deno.test("an application that returns in the middle of a body aborts the response", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("half"), more_body: true });
  });
  const answer = await exchangeRaw(server.port, `GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  // The chunk that ends a complete body is missing.
  assertEquals(answer.endsWith("\r\n0\r\n\r\n"), false);
  assertEquals(server.log.items, [{
    level: "error",
    message: "The application returned in the middle of a response",
    path: "GET /",
  }]);
});

Deno.test("an application that throws in the middle of a body aborts the response", async () => {
  const error = new Error("late");
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("half"), more_body: true });
    throw error;
  });
  const answer = await exchangeRaw(server.port, `GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  assertEquals(answer.endsWith("\r\n0\r\n\r\n"), false);
  assertEquals(answer.includes("late"), false);
  assertEquals(server.log.items, [{
    level: "error",
    message: "The application failed",
    path: "GET /",
    error,
  }]);
});

Deno.test("an application that fails after its response is logged, and the response is complete", async () => {
  const error = new Error("too late");
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("done") });
    throw error;
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals(await response.text(), "done");
  await server.log.reach(1);
  assertEquals(server.log.items[0]?.error, error);
});

Deno.test("send() after the end of a response rejects with a ConnectionClosedError, which is not logged", async () => {
  const caught = Promise.withResolvers<unknown>();
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("done") });
    try {
      await send({ type: "http.response.body", body: encode("more") });
    } catch (error) {
      caught.resolve(error);
      throw error;
    }
  });
  const response = await fetch(`http://${server.host}/`);
  assertEquals(await response.text(), "done");
  const error = await within(caught.promise, "the error") as Error;
  assertEquals(error.name, "ConnectionClosedError");
  assertEquals(error.message, "The response is complete: nothing more can be sent");
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("receive() after a complete response returns http.disconnect", async () => {
  const events = Promise.withResolvers<string[]>();
  await using server = await startHttp(async (_scope, receive, send) => {
    const request = await receive();
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body" });
    events.resolve([request.type, (await receive()).type, (await receive()).type]);
  });
  await (await fetch(`http://${server.host}/`)).body?.cancel();
  const types = await within(events.promise, "the events");
  assertEquals(types, ["http.request", "http.disconnect", "http.disconnect"]);
});

/** Messages that `send()` rejects, and what the error says. */
const INVALID: readonly (readonly [name: string, messages: readonly object[], says: string])[] = [
  ["an unknown type", [{ type: "http.reply" }], "allowed is http.response.start"],
  ["no type", [{}], "allowed is http.response.start"],
  ["null", [null as unknown as object], "must be an object with a type, got null"],
  ["a message of another protocol", [{ type: "websocket.accept" }], "http.response.start"],
  ["a body before the start", [{ type: "http.response.body" }], "http.response.start"],
  ["two starts", [start(200), start(200)], "allowed is http.response.body"],
  ["no status", [{ type: "http.response.start" }], "status must be an integer from 200 to 599"],
  ["a status as text", [{ type: "http.response.start", status: "200" }], 'got "200"'],
  ["a status out of range", [start(99)], "got 99"],
  ["an informational status", [start(101)], "got 101"],
  ["headers as an object", [{ ...start(200), headers: { a: "b" } }], "pairs of a name and a value"],
  ["headers as text", [{ ...start(200), headers: "a: b" }], "pairs of a name and a value"],
  ["a header that is no pair", [{ ...start(200), headers: [["a"]] }], "pairs"],
  ["a header of bytes", [{ ...start(200), headers: [["a", encode("b")]] }], "both strings"],
  ["a line break in a header", [{ ...start(200), headers: [["a", "b\r\nc: d"]] }], '"a"'],
  ["a header name with a space", [{ ...start(200), headers: [["a b", "c"]] }], '"a b"'],
  ["a body of text", [start(200), { type: "http.response.body", body: "x" }], "Uint8Array"],
  ["null as body", [start(200), { type: "http.response.body", body: null }], "Uint8Array"],
  [
    "more_body as number",
    [start(200), { ...start(1), type: "http.response.body", more_body: 1 }],
    "boolean",
  ],
  ["a path of another type", [start(200), { type: "http.response.pathsend", path: 1 }], "string"],
];

function start(status: number): { type: string; status: number } {
  return { type: "http.response.start", status };
}

for (const [name, messages, says] of INVALID) {
  Deno.test(`send() of ${name} rejects with a TypeError, and the response is still possible`, async () => {
    const caught = Promise.withResolvers<unknown>();
    await using server = await startHttp(async (_scope, _receive, send) => {
      const sendAny = send as (message: object) => Promise<void>;
      for (const message of messages.slice(0, -1)) await sendAny(message);
      await sendAny(messages.at(-1)!).then(() => caught.resolve(undefined), caught.resolve);
      if (messages.length === 1) await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: encode("fine") });
    });
    const response = await fetch(`http://${server.host}/`);
    assertEquals([response.status, await response.text()], [200, "fine"]);
    const error = await caught.promise;
    assertEquals((error as Error | undefined)?.constructor, TypeError);
    assertStringIncludes((error as Error).message, says);
  });
}

Deno.test("send() ignores keys that it does not know", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    const extra = { trailers: false, whatever: { a: 1 } };
    await send(
      { ...start(200), ...extra } as unknown as { type: "http.response.start"; status: 200 },
    );
    await send({ ...extra, type: "http.response.body", body: encode("fine") });
  });
  assertEquals(await (await fetch(`http://${server.host}/`)).text(), "fine");
  assertEquals(server.log.items, []);
});

Deno.test("onAccess gets the name, the status and the duration of each response", async () => {
  const { http } = scopeKeeper();
  await using server = await startHttp(http);
  await fetch(`http://${server.host}/rooms?secret=1`);
  const [access] = server.accesses.items;
  assertEquals([access?.name, access?.status], ["GET /rooms", 204]);
  assertEquals(typeof access?.duration, "number");
});
