import { assertEquals, assertMatch } from "@std/assert";
import { type Application, type HttpScope, ProtocolTypeRouter } from "@asgi/channels";
import { exchangeRaw } from "../helpers/raw_client.ts";
import { startHttp, startServer } from "../helpers/server.ts";
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

Deno.test("onAccess gets the name, the status and the duration of each response", async () => {
  const { http } = scopeKeeper();
  await using server = await startHttp(http);
  await fetch(`http://${server.host}/rooms?secret=1`);
  const [access] = server.accesses.items;
  assertEquals([access?.name, access?.status], ["GET /rooms", 204]);
  assertEquals(typeof access?.duration, "number");
});

/** Requests whose host and path cannot be told apart. */
const AMBIGUOUS: readonly (readonly [name: string, request: string])[] = [
  ["a space in its Host", "GET / HTTP/1.1\r\nhost: a b"],
  ["a path in its Host", "GET / HTTP/1.1\r\nhost: a/b"],
  ["a query in its Host", "GET / HTTP/1.1\r\nhost: a?b"],
  ["a user in its Host", "GET / HTTP/1.1\r\nhost: user@a"],
  ["a port out of range in its Host", "GET / HTTP/1.1\r\nhost: a:99999"],
  ["two Host fields", "GET / HTTP/1.1\r\nhost: a\r\nhost: b"],
  ["no path", "CONNECT example.com:443 HTTP/1.1\r\nhost: a"],
];

for (const [name, request] of AMBIGUOUS) {
  Deno.test(`a request with ${name} gets a 400, and no application`, async () => {
    const { http } = scopeKeeper();
    await using server = await startHttp(http);
    const answer = await exchangeRaw(server.port, `${request}\r\nconnection: close\r\n\r\n`);
    assertMatch(answer, /^HTTP\/1.1 400 Bad Request\r\n/);
    assertEquals(server.accesses.items, []);
    assertEquals(server.log.items, []);
  });
}

Deno.test("a request without Host has the address of the server", async () => {
  const { http, scope } = scopeKeeper();
  await using server = await startHttp(http);
  await exchangeRaw(server.port, "GET /a HTTP/1.0\r\n\r\n");
  const { path, server: address } = await scope;
  assertEquals([path, address?.[1]], ["/a", server.port]);
});
