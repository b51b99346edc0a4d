import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Application, HttpScope, WebSocketScope } from "@asgi/channels";
import { Tally } from "../helpers/events.ts";
import { exchangeRaw } from "../helpers/raw_client.ts";
import { openSocket, startHttp, startSockets } from "../helpers/server.ts";

/** Collects scopes, and answers with 204. */
function collectingScopes(scopes: HttpScope[]): Application<HttpScope> {
  return async (scope, _receive, send) => {
    scopes.push(scope);
    await send({ type: "http.response.start", status: 204 });
    await send({ type: "http.response.body" });
  };
}

/** A segment of a path, or a value of a query: any text without lone surrogates. */
const text = fc.string({ unit: "grapheme", maxLength: 20 });

Deno.test("any path and query arrive decoded in path, and as they were sent in raw_path and query_string", async () => {
  const scopes: HttpScope[] = [];
  await using server = await startHttp(collectingScopes(scopes));
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 4 }), fc.option(text), async (segments, query) => {
      const path = `/${segments.map(encodeURIComponent).join("/")}`;
      const rest = query === null ? "" : `?${encodeURIComponent(query)}`;
      const request =
        `GET ${path}${rest} HTTP/1.1\r\nhost: ${server.host}\r\nconnection: close\r\n\r\n`;
      await exchangeRaw(server.port, request);
      const scope = scopes.pop();
      assertEquals(scope?.path, `/${segments.join("/")}`);
      assertEquals(scope?.raw_path, path);
      assertEquals(scope?.query_string, rest.slice(1));
    }),
    { numRuns: 150 },
  );
});

Deno.test("any target of a request gets a response, and its path has no part of the host or the query", async () => {
  const scopes: HttpScope[] = [];
  await using server = await startHttp(collectingScopes(scopes));
  const target = fc.string({
    unit: fc.constantFrom(..."/%ab.~?&=+:;@!$'()*,[]\\|^{}\"<>`2FfE"),
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(target, async (rest) => {
      const request = `GET /${rest} HTTP/1.1\r\nhost: ${server.host}\r\nconnection: close\r\n\r\n`;
      const [line = ""] = (await exchangeRaw(server.port, request)).split("\r\n");
      const scope = scopes.pop();
      if (scope === undefined) return assertEquals(line, "HTTP/1.1 400 Bad Request");
      assertEquals(line, "HTTP/1.1 204 No Content");
      const [path, ...query] = `/${rest}`.split("?");
      assertEquals([scope.raw_path, scope.query_string], [path, query.join("?")]);
    }),
    { numRuns: 150 },
  );
  assertEquals(server.log.items, []);
});

/** A name of a header field, in any case. */
const name = fc.stringMatching(/^x-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}$/);

/** The value of a header field: ISO-8859-1, as the runtime decodes it. */
const value = fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/);

Deno.test("any header field arrives with its name in lower case, and leaves as it was sent", async () => {
  const scopes: HttpScope[] = [];
  await using server = await startHttp(async (scope, _receive, send) => {
    scopes.push(scope);
    const headers = scope.headers.filter(([name]) => name.startsWith("x-"));
    await send({ type: "http.response.start", status: 200, headers });
    await send({ type: "http.response.body" });
  });
  await fc.assert(
    fc.asyncProperty(name, value, async (name, value) => {
      const request = `GET / HTTP/1.1\r\nhost: ${server.host}\r\n${name}: ${value}\r\n`;
      const answer = await exchangeRaw(server.port, `${request}connection: close\r\n\r\n`);
      const field = scopes.pop()?.headers.find(([other]) => other === name.toLowerCase());
      assertEquals(field, [name.toLowerCase(), value]);
      assertEquals(answer.includes(`\r\n${name.toLowerCase()}: ${value}\r\n`), true);
    }),
    { numRuns: 150 },
  );
});

Deno.test("any body arrives and leaves unchanged, whatever its parts are", async () => {
  const part = fc.uint8Array({ maxLength: 300 });
  await using server = await startHttp(async (_scope, receive, send) => {
    await send({ type: "http.response.start", status: 200 });
    for (;;) {
      const event = await receive();
      if (event.type === "http.disconnect") return;
      await send({ ...event, type: "http.response.body" });
      if (!event.more_body) return;
    }
  });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
      const body = ReadableStream.from(parts);
      const response = await fetch(`http://${server.host}/`, { method: "POST", body });
      assertEquals([...await response.bytes()], parts.flatMap((part) => [...part]));
    }),
    { numRuns: 100 },
  );
  assertEquals(server.log.items, []);
});

Deno.test("any messages of a WebSocket return unchanged and in order", async () => {
  const echo: Application<WebSocketScope> = async (_scope, receive, send) => {
    await receive();
    await send({ type: "websocket.accept" });
    for (;;) {
      const event = await receive();
      if (event.type !== "websocket.receive") return;
      await send({ ...event, type: "websocket.send" });
    }
  };
  await using server = await startSockets(echo);
  const message = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
      await using client = await openSocket(`ws://${server.host}/`);
      for (const message of messages) client.socket.send(message as string);
      await client.messages.reach(messages.length);
      assertEquals(
        client.messages.items,
        messages.map((one) => typeof one === "string" ? one : new Uint8Array(one)),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("any object that is sent either succeeds or rejects with a TypeError", async () => {
  const type = fc.constantFrom(
    "http.response.start",
    "http.response.body",
    "http.response.pathsend",
    "x",
  );
  const message = fc.record(
    {
      type,
      status: fc.anything(),
      headers: fc.anything(),
      body: fc.anything(),
      path: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const failures = new Tally<unknown>();
  const sent: unknown[] = [];
  await using server = await startHttp(async (_scope, _receive, send) => {
    for (const message of sent) {
      await send(message as Parameters<typeof send>[0]).catch((error) => failures.add(error));
    }
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(message, fc.anything()), { maxLength: 4 }),
      async (messages) => {
        sent.splice(0, Infinity, ...messages);
        failures.items.length = 0;
        await (await fetch(`http://${server.host}/`)).body?.cancel().catch(() => {});
        const isExpected = (error: unknown) =>
          error instanceof TypeError || (error as Error).name === "ConnectionClosedError";
        assertEquals(failures.items.filter((error) => !isExpected(error)), []);
      },
    ),
    { numRuns: 100 },
  );
});
