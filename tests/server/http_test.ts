import { assertEquals, assertMatch } from "@std/assert";
import { type Application, type HttpScope, ProtocolTypeRouter } from "@asgi/channels";
import { connectRaw, encode, exchangeRaw } from "../helpers/raw_client.ts";
import { startHttp, startServer } from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

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
