import { assertEquals, assertRejects } from "@std/assert";
import { type Application, ConnectionClosedError, type HttpScope } from "@asgi/channels";
import { HttpCommunicator } from "@asgi/channels/testing";
import { assertTimesOut } from "../helpers/waiting.ts";

type Page = Application<HttpScope>;

/** Returns an application that sends some messages, whether they are valid or not. */
function sending(...messages: readonly object[]): Page {
  return async (_scope, _receive, send) => {
    for (const message of messages) await send(message as Parameters<typeof send>[0]);
  };
}

const START = { type: "http.response.start", status: 200 };

/** Returns the message that sends a text as a part of a body. */
function part(text: string, more_body?: boolean) {
  const body = new TextEncoder().encode(text);
  return { type: "http.response.body", body, ...more_body !== undefined && { more_body } };
}

Deno.test("getResponse() returns the status, the header fields and the body", async () => {
  const start = { ...START, status: 201, headers: [["x-a", "1"], ["x-b", "2"]] };
  await using communicator = new HttpCommunicator(
    sending(start, part('{"a":', true), part("1}")),
    "GET",
    "/",
  );
  const response = await communicator.getResponse();
  assertEquals(response.status, 201);
  assertEquals(Object.fromEntries(response.headers), { "x-a": "1", "x-b": "2" });
  assertEquals(response.text(), '{"a":1}');
  assertEquals(response.json(), { a: 1 });
  assertEquals(response.body, new TextEncoder().encode('{"a":1}'));
});

Deno.test("HttpCommunicator creates the scope and the body of a request", async () => {
  const seen: unknown[] = [];
  const application: Page = async ({ method, path, query_string }, receive, send) => {
    seen.push(method, path, query_string, await receive());
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
    seen.push(await receive());
  };
  await using communicator = new HttpCommunicator(application, "put", "/a%20b?c", {
    body: "Hello",
  });
  await communicator.getResponse();
  await communicator.wait();
  assertEquals(seen, [
    "PUT",
    "/a b",
    "c",
    { type: "http.request", body: new TextEncoder().encode("Hello"), more_body: false },
    { type: "http.disconnect" },
  ]);
});

Deno.test("receiveChunk() returns the parts of a stream one by one", async () => {
  const gate = Promise.withResolvers<void>();
  const application: Page = async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: Uint8Array.of(1), more_body: true });
    await gate.promise;
    await send({ type: "http.response.body", body: Uint8Array.of(2) });
  };
  await using communicator = new HttpCommunicator(application, "GET", "/");
  assertEquals((await communicator.getHeaders()).status, 200);
  assertEquals(await communicator.receiveChunk(), Uint8Array.of(1));
  await assertTimesOut(() => communicator.receiveChunk({ timeout: 1 }));
  gate.resolve();
  assertEquals(await communicator.receiveChunk(), Uint8Array.of(2));
  assertEquals(await communicator.receiveChunk(), undefined);
  assertEquals((await communicator.getResponse()).body, Uint8Array.of(1, 2));
});

Deno.test("getResponse() rejects if the application fails or returns in the middle", async () => {
  const application: Page = () => Promise.reject(new RangeError("No page"));
  await using failing = new HttpCommunicator(application, "GET", "/");
  await assertRejects(() => failing.getResponse(), RangeError, "No page");
  await using returning = new HttpCommunicator(sending(START), "GET", "/");
  const error = await assertTimesOut(() => returning.getResponse({ timeout: 1 }));
  assertEquals(error.message.includes("has ended"), true);
});

Deno.test("disconnect() tells the application, and ends its response", async () => {
  const seen: unknown[] = [];
  const application: Page = async (_scope, receive, send) => {
    await receive();
    await send({ type: "http.response.start", status: 200 });
    seen.push(await receive());
    await send({ type: "http.response.body" }).catch((error) => seen.push(error.name));
    await send({ type: "http.response.body" });
  };
  await using communicator = new HttpCommunicator(application, "GET", "/");
  await communicator.getHeaders();
  await communicator.disconnect();
  await communicator.wait();
  assertEquals(seen, [{ type: "http.disconnect" }, ConnectionClosedError.name]);
});

const INVALID: Readonly<Record<string, readonly object[]>> = {
  "a body before its start": [part("x")],
  "two starts": [START, START],
  "an invalid status": [{ ...START, status: "200" }],
  "invalid header fields": [{ ...START, headers: { a: "1" } }],
  "an unknown type": [{ type: "http.unknown" }],
  "text as a body": [START, { type: "http.response.body", body: "x" }],
  "an invalid more_body": [START, { ...part("x"), more_body: 1 }],
};

for (const [what, messages] of Object.entries(INVALID)) {
  Deno.test(`HttpCommunicator rejects ${what}`, async () => {
    await using communicator = new HttpCommunicator(sending(...messages), "GET", "/");
    await assertRejects(() => communicator.getResponse(), TypeError);
  });
}

Deno.test("send() rejects after a complete response", async () => {
  let failure: unknown;
  const application: Page = async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body" });
    await send({ type: "http.response.body" }).catch((error) => failure = error);
  };
  await using communicator = new HttpCommunicator(application, "GET", "/");
  await communicator.getResponse();
  await communicator.wait();
  assertEquals(failure instanceof ConnectionClosedError, true);
});
