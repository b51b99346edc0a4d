import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type Application,
  type HttpScope,
  ProtocolTypeRouter,
  ShutdownTimeoutError,
  type WebSocketScope,
} from "@asgi/channels";
import { fromFetchHandler, serve } from "@asgi/channels/server";
import { Tally } from "../helpers/events.ts";
import { startScript } from "../helpers/program.ts";
import {
  connectRaw,
  encode,
  handshakeFor,
  openRawSocket,
  readCloseCode,
} from "../helpers/raw_client.ts";
import { openSocket, startServer } from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

/** Accepts, and waits for the end. */
function waiting(events: Tally<unknown>): Application<WebSocketScope> {
  return async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    events.add(await receive());
  };
}

/** Answers when a promise resolves. */
function slow(started: Tally<string>, finish: Promise<void>): Application<HttpScope> {
  return async ({ path }, _receive, send) => {
    started.add(path);
    await finish;
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode("first "), more_body: true });
    await send({ type: "http.response.body", body: encode("second") });
  };
}

Deno.test("a shutdown lets running requests finish, and rejects new ones with 503", async () => {
  const started = new Tally<string>();
  const { promise: finish, resolve } = Promise.withResolvers<void>();
  await using server = await startServer(ProtocolTypeRouter({ http: slow(started, finish) }));
  const running = fetch(`http://${server.host}/running`);
  await started.reach(1);
  const stopped = server.stop();
  using late = await connectRaw(server.port);
  await late.write(`GET /late HTTP/1.1\r\nhost: ${server.host}\r\n\r\n`);
  const head = await late.readUntil("\r\n\r\n");
  assertMatch(head, /^HTTP\/1.1 503 Service Unavailable\r\n/);
  assertMatch(head, /retry-after: 1\r\n/);
  using socket = await connectRaw(server.port);
  await socket.write(handshakeFor(server.port));
  assertMatch(await socket.readUntil("\r\n"), /^HTTP\/1.1 503 /);
  resolve();
  assertEquals(await (await running).text(), "first second");
  late.close();
  socket.close();
  await stopped;
  assertEquals(started.items, ["/running"]);
  await assertRejects(() => fetch(`http://${server.host}/`), TypeError);
});

Deno.test("a shutdown waits until a client has received its response", async () => {
  const size = 32 * 1_048_576;
  const sent = Promise.withResolvers<void>();
  await using server = await startServer(ProtocolTypeRouter({
    http: async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: new Uint8Array(size) });
      sent.resolve();
    },
  }));
  using client = await connectRaw(server.port);
  await client.write(`GET / HTTP/1.1\r\nhost: ${server.host}\r\nconnection: close\r\n\r\n`);
  await client.readUntil("\r\n\r\n");
  await sent.promise;
  const stopped = server.stop();
  assertEquals((await client.readToEnd()).length, size);
  await stopped;
});

Deno.test("a shutdown closes WebSockets with 1012, and tells their applications", async () => {
  const events = new Tally<unknown>();
  await using server = await startServer(ProtocolTypeRouter({ websocket: waiting(events) }));
  const clients = await Promise.all([1, 2, 3].map(() => openSocket(`ws://${server.host}/`)));
  await server.stop();
  const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
  assertEquals(codes, [1012, 1012, 1012]);
  const event = { type: "websocket.disconnect", code: 1012, reason: "" };
  assertEquals(events.items, [event, event, event]);
  assertEquals(server.log.items, []);
});

Deno.test("a shutdown answers handshakes that are not decided with 503", async () => {
  const events = new Tally<unknown>();
  await using server = await startServer(ProtocolTypeRouter({
    websocket: async (_scope, receive) => {
      events.add(await receive());
      events.add(await receive());
    },
  }));
  using client = await connectRaw(server.port);
  await client.write(handshakeFor(server.port));
  await events.reach(1);
  const stopped = server.stop();
  assertMatch(await client.readUntil("\r\n"), /^HTTP\/1.1 503 /);
  client.close();
  await stopped;
  assertEquals(events.items[1], { type: "websocket.disconnect", code: 1012, reason: "" });
});

Deno.test("a shutdown waits a limited time for clients that do not answer", async () => {
  const events = new Tally<unknown>();
  await using server = await startServer(ProtocolTypeRouter({ websocket: waiting(events) }));
  using client = await openRawSocket(server.port);
  await server.stop();
  assertEquals(await readCloseCode(client), 1012);
  assertEquals(events.items.length, 1);
});

Deno.test("a shutdown waits for the application of a WebSocket that cleans up", async () => {
  const events = new Tally<unknown>();
  const cleaned = Promise.withResolvers<void>();
  await using server = await startServer(ProtocolTypeRouter({
    websocket: async (scope, receive, send) => {
      await waiting(events)(scope, receive, send);
      await cleaned.promise;
      events.add("clean");
    },
  }));
  await using _client = await openSocket(`ws://${server.host}/`);
  const stopped = server.stop().then(() => events.add("stopped"));
  await events.reach(1);
  cleaned.resolve();
  await stopped;
  assertEquals(events.items.slice(1), ["clean", "stopped"]);
});

Deno.test("a shutdown ends server-sent events where they are", async () => {
  const caught = Promise.withResolvers<Error>();
  await using server = await startServer(ProtocolTypeRouter({
    http: async (_scope, receive, send) => {
      await receive();
      const headers = [["content-type", "text/event-stream"]] as const;
      await send({ type: "http.response.start", status: 200, headers });
      await send({ type: "http.response.body", body: encode("data: 1\n\n"), more_body: true });
      await receive();
      await send({ type: "http.response.body", body: encode("late") }).catch(caught.resolve);
    },
  }));
  const response = await fetch(`http://${server.host}/`);
  const stopped = server.stop();
  assertEquals(await response.text(), "data: 1\n\n");
  await stopped;
  assertEquals((await caught.promise).name, "ConnectionClosedError");
  assertEquals(server.log.items, []);
});

Deno.test("a shutdown ends the server-sent events of a fetch function, and cancels their source", async () => {
  const cancelled = Promise.withResolvers<void>();
  await using server = await startServer(fromFetchHandler(() => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encode("data: 1\n\n")),
      cancel: () => cancelled.resolve(),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }));
  const response = await fetch(`http://${server.host}/`);
  const stopped = server.stop();
  assertEquals(await response.text(), "data: 1\n\n");
  await within(cancelled.promise, "the cancellation");
  await stopped;
});

Deno.test("an application that does not end within shutdownTimeout is named", async () => {
  const started = new Tally<string>();
  const { promise: finish, resolve } = Promise.withResolvers<void>();
  await using server = await startServer(
    ProtocolTypeRouter({
      http: slow(started, finish),
      websocket: async (_scope, receive, send) => {
        await receive();
        await send({ type: "websocket.accept" });
        await finish;
      },
    }),
    { shutdownTimeout: 50 },
  );
  const running = fetch(`http://${server.host}/rooms/1`).catch(() => undefined);
  await started.reach(1);
  await using _client = await openSocket(`ws://${server.host}/ws`);
  const error = await assertRejects(() => server.stop(), ShutdownTimeoutError);
  assertEquals(error.interrupted, ["GET /rooms/1", "WebSocket /ws"]);
  resolve();
  await (await running)?.body?.cancel();
});

Deno.test("a fetch function that does not end within shutdownTimeout is named", async () => {
  const [started, finish] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const application = fromFetchHandler(async () => {
    started.resolve();
    await finish.promise;
    return new Response("late");
  });
  await using server = await startServer(application, { shutdownTimeout: 50 });
  const running = fetch(`http://${server.host}/slow`).catch(() => undefined);
  await started.promise;
  const error = await assertRejects(() => server.stop(), ShutdownTimeoutError);
  assertEquals(error.interrupted, ["GET /slow"]);
  finish.resolve();
  await (await running)?.body?.cancel();
});

Deno.test("a client that does not read its response delays a shutdown until shutdownTimeout", async () => {
  const script = new URL("../fixtures/stalled_client.ts", import.meta.url).href;
  await using program = startScript(script);
  assertEquals(await program.end, 0);
  assertEquals(program.stdout.all, ["ShutdownTimeoutError: responses that clients are receiving"]);
  assertEquals(program.stderr.all, []);
});

Deno.test("serve() with a signal that is aborted does not listen", async () => {
  const listened = new Tally<number>();
  const signal = AbortSignal.abort();
  const application = ProtocolTypeRouter({});
  await serve(application, { port: 0, signal, onListen: ({ port }) => listened.add(port) });
  assertEquals(listened.items, []);
});

Deno.test("serve() on a port in use rejects, and the lifespan ends", async () => {
  const events = new Tally<string>();
  await using server = await startServer(ProtocolTypeRouter({}));
  const application = ProtocolTypeRouter({
    lifespan: async (_scope, receive, send) => {
      events.add((await receive()).type);
      await send({ type: "lifespan.startup.complete" });
      events.add((await receive()).type);
      await send({ type: "lifespan.shutdown.complete" });
    },
  });
  const options = { hostname: "127.0.0.1", port: server.port };
  await assertRejects(() => serve(application, options), Deno.errors.AddrInUse);
  assertEquals(events.items, ["lifespan.startup", "lifespan.shutdown"]);
});
