import { assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import type { Application, HttpScope } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { memoryInUse } from "../helpers/memory.ts";
import { connectRaw, encode, exchangeRaw } from "../helpers/raw_client.ts";
import { startHttp } from "../helpers/server.ts";
import { pause, until, within } from "../helpers/waiting.ts";

const MIB = 1_048_576;
const PART = new Uint8Array(65_536);
/** How many bytes of a large body there are. */
const TOTAL = 3_200 * PART.length;

/** Sends parts until the client has disconnected, and rethrows what send() rejects with. */
function endless(sent: Tally<number>, caught: (error: unknown) => void): Application<HttpScope> {
  return async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    try {
      for (;;) {
        await send({ type: "http.response.body", body: PART, more_body: true });
        sent.add(PART.length);
      }
    } catch (error) {
      caught(error);
      throw error;
    }
  };
}

/** Answers with the number of bytes of a request's body. */
const counting: Application<HttpScope> = async (_scope, receive, send) => {
  let size = 0;
  for (let more = true; more;) {
    const event = await receive();
    if (event.type === "http.disconnect") return;
    size += event.body.length;
    more = event.more_body;
  }
  await send({ type: "http.response.start", status: 200 });
  await send({ type: "http.response.body", body: encode(String(size)) });
};

Deno.test("a request without a body has one empty part", async () => {
  const events: unknown[] = [];
  await using server = await startHttp(async (_scope, receive, send) => {
    events.push(await receive());
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
  });
  await fetch(`http://${server.host}/`);
  assertEquals(events, [{ type: "http.request", body: new Uint8Array(), more_body: false }]);
});

Deno.test("a body arrives in parts while the client sends it", async () => {
  const parts = new Tally<string>();
  await using server = await startHttp(async (_scope, receive, send) => {
    for (;;) {
      const event = await receive();
      if (event.type !== "http.request" || !event.more_body) break;
      parts.add(new TextDecoder().decode(event.body));
    }
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
  });
  using client = await connectRaw(server.port);
  await client.write(
    `POST / HTTP/1.1\r\nhost: ${server.host}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  await client.write("3\r\none\r\n");
  await parts.reach(1);
  await client.write("3\r\ntwo\r\n");
  await parts.reach(2);
  await client.write("0\r\n\r\n");
  await client.readUntil("204 No Content");
  assertEquals(parts.items, ["one", "two"]);
});

Deno.test("200 MB are received with flat memory: only a few MB are on the way", async () => {
  let received = 0;
  await using server = await startHttp(async (_scope, receive, send) => {
    for (let more = true; more;) {
      const event = await receive();
      if (event.type !== "http.request") return;
      received += event.body.length;
      more = event.more_body;
    }
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
  });
  const before = memoryInUse();
  let [sent, onTheWay, most] = [0, 0, 0];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      onTheWay = Math.max(onTheWay, sent - received);
      most = Math.max(most, memoryInUse());
      if (sent === TOTAL) return controller.close();
      sent += PART.length;
      controller.enqueue(PART);
    },
  }, { highWaterMark: 0 });
  const response = await fetch(`http://${server.host}/`, { method: "POST", body });
  assertEquals([response.status, received], [204, TOTAL]);
  assertLess(onTheWay, 32 * MIB);
  assertLess(most - before, 150 * MIB);
});

Deno.test("200 MB are sent with flat memory: only a few MB are on the way", async () => {
  let sent = 0;
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    while (sent < TOTAL) {
      sent += PART.length;
      await send({ type: "http.response.body", body: PART, more_body: sent < TOTAL });
    }
  });
  const before = memoryInUse();
  let [received, onTheWay, most] = [0, 0, 0];
  const response = await fetch(`http://${server.host}/`);
  for await (const part of response.body!) {
    received += part.length;
    onTheWay = Math.max(onTheWay, sent - received);
    most = Math.max(most, memoryInUse());
  }
  assertEquals(received, TOTAL);
  assertLess(onTheWay, 32 * MIB);
  assertLess(most - before, 150 * MIB);
});

Deno.test("send() waits for a client that does not read", async () => {
  const sent = new Tally<number>();
  const { promise: caught, resolve } = Promise.withResolvers<unknown>();
  await using server = await startHttp(endless(sent, resolve));
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  let before = -1;
  await until("the buffers are full", async () => {
    const isFull = sent.items.length === before;
    before = sent.items.length;
    await pause(100);
    return isFull;
  });
  assertLess(sent.items.length * PART.length, 32 * MIB);
  client.close();
  assertEquals((await within(caught, "the error") as Error).name, "ConnectionClosedError");
});

Deno.test("a client that disconnects during the body ends it with a ConnectionClosedError, which is not logged", async () => {
  const sent = new Tally<number>();
  const { promise: caught, resolve } = Promise.withResolvers<unknown>();
  await using server = await startHttp(endless(sent, resolve));
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  client.close();
  const error = await within(caught, "the error") as Error;
  assertEquals(error.name, "ConnectionClosedError");
  assertEquals(error.message, "The client has disconnected: nothing more can be sent");
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("receive() returns http.disconnect when the client disconnects during the response", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = await startHttp(async (_scope, receive, send) => {
    await receive();
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("first"), more_body: true });
    resolve((await receive()).type);
  });
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await client.readUntil("first");
  client.close();
  assertEquals(await within(promise, "the event", 20_000), "http.disconnect");
});

Deno.test("receive() returns http.disconnect when the client disconnects before the response", async () => {
  const received = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = await startHttp(async (_scope, receive) => {
    await receive();
    received.resolve();
    resolve((await receive()).type);
  });
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await received.promise;
  client.close();
  assertEquals(await within(promise, "the event", 20_000), "http.disconnect");
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("receive() returns http.disconnect when the client disconnects during its body", async () => {
  const events = new Tally<string>();
  await using server = await startHttp(async (_scope, receive) => {
    for (let type = ""; type !== "http.disconnect";) events.add(type = (await receive()).type);
  });
  using client = await connectRaw(server.port);
  await client.write(`POST / HTTP/1.1\r\nhost: ${server.host}\r\ncontent-length: 10\r\n\r\nhalf`);
  await events.reach(1);
  client.close();
  await events.find((type) => type === "http.disconnect", "http.disconnect", 20_000);
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("receive() waits for the end of the response after the whole body", async () => {
  const order: string[] = [];
  await using server = await startHttp(async (_scope, receive, send) => {
    await receive();
    const second = receive().then(({ type }) => order.push(type));
    await send({ type: "http.response.start", status: 200 });
    order.push("start");
    await send({ type: "http.response.body", body: encode("done") });
    await second;
  });
  assertEquals(await (await fetch(`http://${server.host}/`)).text(), "done");
  assertEquals(order, ["start", "http.disconnect"]);
});

Deno.test("the application may reuse the memory of a part that it has sent", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    const part = encode("a");
    await send({ type: "http.response.start", status: 200 });
    for (const letter of "abc") {
      part.set(encode(letter));
      await send({ type: "http.response.body", body: part, more_body: letter !== "c" });
      part.fill(0);
    }
  });
  assertEquals(await (await fetch(`http://${server.host}/`)).text(), "abc");
});

Deno.test("a response that ends before the request's body does not block the connection", async () => {
  await using server = await startHttp(async ({ path }, _receive, send) => {
    await send({ type: "http.response.start", status: 413 });
    await send({ type: "http.response.body", body: encode(path) });
  });
  const body = new Uint8Array(4 * MIB);
  const response = await fetch(`http://${server.host}/big`, { method: "POST", body });
  assertEquals([response.status, await response.text()], [413, "/big"]);
  assertEquals(await (await fetch(`http://${server.host}/next`)).text(), "/next");
});

Deno.test("an invalid chunk of a body ends only its own request", async () => {
  await using server = await startHttp(counting);
  const head = `POST / HTTP/1.1\r\nhost: ${server.host}\r\ntransfer-encoding: chunked\r\n\r\n`;
  await exchangeRaw(server.port, `${head}zz\r\n\r\n`);
  const response = await fetch(`http://${server.host}/`, { method: "POST", body: "fine" });
  assertEquals(await response.text(), "4");
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("a body that was aborted by the application rejects at the client", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("half"), more_body: true });
  });
  const response = await fetch(`http://${server.host}/`);
  await assertRejects(() => response.text(), TypeError);
  assertGreater(server.log.items.length, 0);
});
