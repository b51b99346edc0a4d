import { assertEquals, assertMatch } from "@std/assert";
import { type Application, type HttpScope, ProtocolTypeRouter } from "@asgi/channels";
import { fromFetchHandler, type ServerLogEntry, toFetchHandler } from "@asgi/channels/server";
import { Tally } from "../helpers/events.ts";
import { connectRaw, encode, handshakeFor } from "../helpers/raw_client.ts";
import { openSocket, startServer } from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

/** Answers with what the function has seen of a request. */
async function describe(request: Request, info: Deno.ServeHandlerInfo): Promise<Response> {
  const { method, url, headers } = request;
  const { hostname } = info.remoteAddr as Deno.NetAddr;
  const seen = { method, url, kind: headers.get("x-kind"), hostname, body: await request.text() };
  return Response.json(seen, { status: 201, headers: { "x-kind": "described" } });
}

/** Hides that an application is a function, as a middleware does. */
function wrapped(application: Application<HttpScope>): Application<HttpScope> {
  return (scope, receive, send) => application(scope, receive, send);
}

const http = fromFetchHandler(describe);
const WAYS = {
  "alone": http,
  "in a ProtocolTypeRouter": ProtocolTypeRouter({ http }),
  "in a middleware": ProtocolTypeRouter({ http: wrapped(http) }),
};

for (const [way, application] of Object.entries(WAYS)) {
  Deno.test(`fromFetchHandler() ${way} passes the request and the response`, async () => {
    await using server = await startServer(application);
    const url = `http://${server.host}/a%2Fb/%C3%A4?x=%20y`;
    const options = { method: "PUT", body: "content", headers: { "x-kind": "request" } };
    const response = await fetch(url, options);
    assertEquals([response.status, response.headers.get("x-kind")], [201, "described"]);
    const seen = { method: "PUT", url, kind: "request", hostname: "127.0.0.1", body: "content" };
    assertEquals(await response.json(), seen);
    await server.stop();
    assertEquals(server.log.items, []);
  });
}

Deno.test("fromFetchHandler() in a middleware cancels the body when the client disconnects", async () => {
  const cancelled = Promise.withResolvers<void>();
  const endless = fromFetchHandler(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        cancel: () => cancelled.resolve(),
      }),
    )
  );
  await using server = await startServer(ProtocolTypeRouter({ http: wrapped(endless) }));
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  client.close();
  await within(cancelled.promise, "the cancellation", 20_000);
  await server.stop();
  assertEquals(server.log.items, []);
});

Deno.test("fromFetchHandler() streams a request's body", async () => {
  const parts = new Tally<string>();
  const http = fromFetchHandler(async (request) => {
    const text = request.body!.pipeThrough(new TextDecoderStream() as TransformStream);
    for await (const part of text) parts.add(part);
    return new Response("done");
  });
  await using server = await startServer(ProtocolTypeRouter({ http: wrapped(http) }));
  using client = await connectRaw(server.port);
  await client.write(
    `POST / HTTP/1.1\r\nhost: ${server.host}\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  await client.write("3\r\none\r\n");
  await parts.reach(1);
  await client.write("3\r\ntwo\r\n0\r\n\r\n");
  await client.readUntil("done");
  assertEquals(parts.items.join(""), "onetwo");
});

for (
  const [way, wrap] of [["directly", (a: typeof http) => a], ["in a middleware", wrapped]] as const
) {
  Deno.test(`a function that throws or returns no response causes a 500, called ${way}`, async () => {
    const error = new Error("the password is hunter2");
    const application = fromFetchHandler(
      (({ url }: Request) => {
        if (url.endsWith("/throws")) throw error;
      }) as unknown as () => Response,
    );
    await using server = await startServer(ProtocolTypeRouter({ http: wrap(application) }));
    for (const path of ["/throws", "/nothing"]) {
      const response = await fetch(`http://${server.host}${path}`);
      assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
    }
    const lines = server.log.items.map(({ message, path }) => `${message}: ${path}`);
    assertEquals(lines, [
      "The application failed: GET /throws",
      "The application failed: GET /nothing",
    ]);
    assertEquals(server.log.items[0]?.error, error);
  });
}

Deno.test("a function that returns something else than a Response is told so in the log", async () => {
  const application = fromFetchHandler(() => ({ status: 200 }) as Response);
  await using server = await startServer(application);
  const response = await fetch(`http://${server.host}/`);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  const [entry] = server.log.items;
  assertEquals(
    String(entry?.error),
    "TypeError: The fetch function must return a Response of this runtime",
  );
});

Deno.test("fromFetchHandler() as the whole application has no lifespan and no WebSockets", async () => {
  await using server = await startServer(fromFetchHandler(() => new Response("fine")));
  assertEquals(await (await fetch(`http://${server.host}/`)).text(), "fine");
  using client = await connectRaw(server.port);
  await client.write(handshakeFor(server.port));
  assertMatch(await client.readUntil("\r\n"), /^HTTP\/1.1 404 /);
  client.close();
  await server.stop();
  assertEquals(server.log.items, []);
});

/** Answers with its path, and sends messages back. */
const site = ProtocolTypeRouter({
  http: async ({ path, client }, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode(`${path} ${client?.[0]}`) });
  },
  websocket: async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      await send({ ...event, type: "websocket.send" });
    }
  },
});

Deno.test("toFetchHandler() works in Deno.serve()", async () => {
  await using handler = toFetchHandler(site);
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  const host = `127.0.0.1:${server.addr.port}`;
  assertEquals(await (await fetch(`http://${host}/a`)).text(), "/a 127.0.0.1");
  await using socket = await openSocket(`ws://${host}/`);
  socket.socket.send("hello");
  await socket.messages.reach(1);
  assertEquals(socket.messages.items, ["hello"]);
  await handler.shutdown();
  assertEquals((await socket.closed).code, 1012);
  const late = await fetch(`http://${host}/`);
  assertEquals([late.status, await late.text()], [503, "Service Unavailable\n"]);
});

Deno.test("toFetchHandler() answers a request that no server has received", async () => {
  await using handler = toFetchHandler(site);
  const response = await handler(new Request("http://localhost/a"));
  assertEquals(await response.text(), "/a undefined");
});

Deno.test("a handshake that its client does not complete ends within handshakeTimeout", async () => {
  const log = new Tally<ServerLogEntry>();
  const handler = toFetchHandler(site, {
    handshakeTimeout: 20,
    log: (entry) => log.add(entry),
  });
  const headers = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  // No server has received this request: its WebSocket never opens.
  await handler(new Request("http://localhost/", { headers }));
  await handler.shutdown();
  assertEquals(log.items, []);
});

Deno.test("toFetchHandler() serves a UNIX socket", async () => {
  const path = await Deno.makeTempFile();
  await Deno.remove(path);
  const scopes: HttpScope[] = [];
  await using handler = toFetchHandler(ProtocolTypeRouter({
    http: async (scope: HttpScope, _receive, send) => {
      scopes.push(scope);
      await send({ type: "http.response.start", status: 204 });
      await send({ type: "http.response.body" });
    },
  }));
  await using _server = Deno.serve({ path, onListen() {} }, handler);
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(
    encode("GET /a HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n"),
  );
  const answer = await new Response(connection.readable).text();
  assertMatch(answer, /^HTTP\/1.1 204 /);
  assertEquals(scopes.map(({ path }) => path), ["/a"]);
});
