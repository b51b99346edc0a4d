import { assertEquals } from "@std/assert";
import { Hono } from "hono";
import { type ApplicationsByType, ProtocolTypeRouter } from "@asgi/channels/routing";
import { fromFetchHandler, toFetchHandler } from "@asgi/channels/server";
import { freePort, isListening } from "../helpers/network.ts";
import { startCommand } from "../helpers/program.ts";
import { encode } from "../helpers/raw_client.ts";
import { openSocket, startServer } from "../helpers/server.ts";
import { until } from "../helpers/waiting.ts";

/** Answers with its path, and sends messages back. */
const applications = {
  http: async ({ path }, _receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: encode(`channels ${path}`) });
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
} satisfies ApplicationsByType;

/** Asserts that a host has both a framework's page and the application, WebSockets included. */
async function assertServesBoth(host: string): Promise<void> {
  assertEquals(await (await fetch(`http://${host}/page`)).text(), "page");
  assertEquals(await (await fetch(`http://${host}/app/a`)).text(), "channels /app/a");
  await using client = await openSocket(`ws://${host}/app/ws`);
  client.socket.send("hello");
  await client.messages.reach(1);
  assertEquals(client.messages.items, ["hello"]);
}

Deno.test("Hono mounts toFetchHandler()", async () => {
  await using handler = toFetchHandler(ProtocolTypeRouter(applications));
  const app = new Hono<{ Bindings: Deno.ServeHandlerInfo }>()
    .get("/page", (context) => context.text("page"))
    .all("/app/*", (context) => handler(context.req.raw, context.env));
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, app.fetch);
  await assertServesBoth(`127.0.0.1:${server.addr.port}`);
});

Deno.test("Hono answers the HTTP requests of a site by fromFetchHandler()", async () => {
  const hono = new Hono().get("/page", (context) => context.text("page"));
  const http = fromFetchHandler(hono.fetch);
  await using server = await startServer(
    ProtocolTypeRouter({ http, websocket: applications.websocket }),
  );
  assertEquals(await (await fetch(`http://${server.host}/page`)).text(), "page");
  assertEquals(await (await fetch(`http://${server.host}/none`)).text(), "404 Not Found");
  await using client = await openSocket(`ws://${server.host}/ws`);
  client.socket.send("hello");
  await client.messages.reach(1);
});

Deno.test("deno serve --parallel runs a module that exports toFetchHandler() as fetch", async () => {
  const script = new URL("../fixtures/fetch_site.ts", import.meta.url).href;
  const command = [Deno.execPath(), "serve", "-A", "--parallel", "--host", "127.0.0.1", "--port"];
  const port = freePort();
  await using program = startCommand([...command, String(port), script], {
    env: { DENO_JOBS: "2" },
  });
  await until("it listens", () => isListening(port));
  const threads = new Set<string>();
  await until("both isolates have answered", async () => {
    threads.add(await (await fetch(`http://127.0.0.1:${port}/`)).text());
    return threads.size === 2;
  });
  await using client = await openSocket(`ws://127.0.0.1:${port}/`);
  client.socket.send("hello");
  await client.messages.reach(1);
  assertEquals(client.messages.items, ["hello"]);
  assertEquals(program.stderr.all.filter((line) => line.includes("rror")), []);
});
