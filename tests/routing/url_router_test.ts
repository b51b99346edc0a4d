import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Application,
  AsyncConsumer,
  type ChannelScope,
  type HttpScope,
  NoRouteError,
  ProtocolTypeRouter,
  URLRouter,
  type WebSocketScope,
} from "@asgi/channels";
import type { ApplicationsByPath } from "@asgi/channels/routing";
import { unexpected } from "../helpers/applications.ts";
import { httpScope, webSocketScope } from "../helpers/connections.ts";

type Page = Application<HttpScope>;

/** Returns a page that notes the scopes that it is called with, under a name. */
function noting(seen: [string, HttpScope][], name: string): Page {
  return (scope) => Promise.resolve(void seen.push([name, scope]));
}

/** Returns the scope that a router passes to the page of its pattern, or what it rejects with. */
async function route(
  pattern: string,
  scope: HttpScope,
  inner: (page: Page) => Page = (page) => page,
): Promise<HttpScope> {
  const seen: [string, HttpScope][] = [];
  await URLRouter({ [pattern]: inner(noting(seen, pattern)) })(scope, unexpected, unexpected);
  const [[, found] = unexpectedlyEmpty()] = seen;
  return found;
}

function unexpectedlyEmpty(): never {
  throw new Error("The page was not called");
}

Deno.test("URLRouter() chooses the first pattern that matches the path", async () => {
  const seen: [string, HttpScope][] = [];
  const router = URLRouter({
    "/rooms/new": noting(seen, "new"),
    "/rooms/:room": noting(seen, "room"),
    "/rooms/old": noting(seen, "never"),
    "/*": noting(seen, "rest"),
  });
  for (const path of ["/rooms/new", "/rooms/old", "/", "/rooms/a/b"]) {
    await router(httpScope(path), unexpected, unexpected);
  }
  assertEquals(seen.map(([name]) => name), ["new", "room", "rest", "rest"]);
});

Deno.test("URLRouter() passes receive, send and all other parts of the scope", async () => {
  const received: unknown[] = [];
  const mark = Symbol("server");
  const scope = { ...httpScope("/a", { query_string: "x=1", state: { n: 1 } }), [mark]: 1 };
  const receive = () => unexpected();
  const send = () => unexpected();
  await URLRouter<HttpScope>({
    "/:name": (...args) => Promise.resolve(void received.push(...args)),
  })(scope, receive, send);
  assertEquals(received[0], { ...scope, params: { name: "a" } });
  assertStrictEquals(received[1], receive);
  assertStrictEquals(received[2], send);
  assertEquals(scope.params, {});
});

Deno.test("URLRouter() rejects with what the application throws", async () => {
  const router = URLRouter<HttpScope>({ "/": () => Promise.reject(new RangeError("No page")) });
  await assertRejects(() => router(httpScope("/"), unexpected, unexpected), RangeError, "No page");
});

Deno.test("URLRouter() names the requested path and the known patterns", async () => {
  const router = URLRouter({ "/rooms/:room": unexpected, "/static/*": unexpected });
  const error = await assertRejects(
    () => router(httpScope("/room/a%20b"), unexpected, unexpected),
    NoRouteError,
    'No application for path "/room/a b": known are "/rooms/:room", "/static/*"',
  );
  assertEquals(error.what, "path");
  assertEquals(error.requested, "/room/a b");
  assertEquals(error.known, ["/rooms/:room", "/static/*"]);
});

for (const path of ["toString", "__proto__", "constructor", "/toString"]) {
  Deno.test(`URLRouter() has no route for ${JSON.stringify(path)} by itself`, async () => {
    await assertRejects(
      () => URLRouter({ "/": unexpected })(httpScope(path), unexpected, unexpected),
      NoRouteError,
    );
  });
}

Deno.test("URLRouter() decodes params, also those with the names of object properties", async () => {
  const { params } = await route("/:a/:__proto__/:toString", httpScope("/x%20y/%E2%82%AC/%2525"));
  assertEquals(Object.entries(params), [["a", "x y"], ["__proto__", "€"], ["toString", "%25"]]);
});

Deno.test("URLRouter() reads an encoded slash as a part of a name, not as a separator", async () => {
  assertEquals((await route("/rooms/:room", httpScope("/rooms/a%2Fb"))).params, { room: "a/b" });
  await assertRejects(() => route("/rooms/:room", httpScope("/rooms/a/b")), NoRouteError);
  await assertRejects(() => route("/rooms/:room", httpScope("/rooms%2Fa")), NoRouteError);
});

Deno.test("URLRouter() leaves malformed encodings in params as they are", async () => {
  const cases = { "a%zz%20": "a%zz ", "%": "%", "%ff": "%ff", "%c0%af": "%c0%af", "%%341": "%41" };
  for (const [raw, name] of Object.entries(cases)) {
    assertEquals((await route("/:name", httpScope(`/${raw}`))).params, { name }, raw);
  }
});

Deno.test("URLRouter() omits the params of groups that did not take part", async () => {
  assertEquals((await route("/books/:id?", httpScope("/books"))).params, {});
  assertEquals((await route("/books/:id?", httpScope("/books/1"))).params, { id: "1" });
});

Deno.test("URLRouter() matches characters that are encoded without need", async () => {
  await route("/rooms", httpScope("/%72oom%73"));
  await route("/café", httpScope("/caf%c3%a9"));
  await route("/caf%C3%A9", httpScope("/café"));
});

Deno.test("URLRouter() understands regular expressions and optional parts", async () => {
  assertEquals((await route("/:id(\\d+){.:ext}?", httpScope("/12.png"))).params, {
    id: "12",
    ext: "png",
  });
  await assertRejects(() => route("/:id(\\d+)", httpScope("/x")), NoRouteError);
});

Deno.test("URLRouter() uses the path if a server has no raw_path", async () => {
  const { raw_path: _, ...scope } = httpScope("/a%2520b%3Fc%23d");
  assertEquals((await route("/:name", scope)).params, { name: "a%20b?c#d" });
});

Deno.test("URLRouter() moves what a pattern mounts to root_path, for nested routers", async () => {
  const scope = httpScope("/site/a%2Fb/rooms/c%20d/log");
  const inner = (page: Page) =>
    URLRouter({
      "/rooms/*": URLRouter({
        "/:room/log": page,
      }),
    });
  const found = await route("/site/:place/*", scope, inner);
  assertEquals(found.root_path, "/site/a/b/rooms");
  assertEquals(found.path, "/site/a/b/rooms/c d/log");
  assertEquals(found.raw_path, scope.raw_path);
  assertEquals(found.params, { place: "a/b", room: "c d", "0": "c d/log" });
});

Deno.test("URLRouter() prefers the params of inner routers", async () => {
  const found = await route(
    "/:name/*",
    httpScope("/outer/inner"),
    (page) => URLRouter({ "/:name": page }),
  );
  assertEquals(found.params, { name: "inner", "0": "inner" });
});

Deno.test("URLRouter() mounts at the path itself if the wildcard is optional", async () => {
  const inner = (page: Page) => URLRouter({ "/": page, "/rooms": page });
  assertEquals((await route("/site{/*}?", httpScope("/site"), inner)).root_path, "/site");
  assertEquals((await route("/site{/*}?", httpScope("/site/rooms"), inner)).root_path, "/site");
  await assertRejects(() => route("/site/*", httpScope("/site"), inner), NoRouteError);
});

Deno.test("URLRouter() leaves root_path as it is where nothing is mounted", async () => {
  for (const pattern of ["/a/b", "/:rest*", "/a*", "/(.*)", "/*"]) {
    assertEquals((await route(pattern, httpScope("/a/b"))).root_path, "", pattern);
  }
});

Deno.test("URLRouter() matches what follows the root_path of the server", async () => {
  const at = (path: string) => httpScope(path, { root_path: "/my app" });
  assertEquals((await route("/rooms", at("/my%20app/rooms"))).root_path, "/my app");
  assertEquals((await route("/*", at("/my%20app/rooms"))).params, { "0": "rooms" });
  assertEquals((await route("/", at("/my%20app"))).root_path, "/my app");
  assertEquals((await route("/my%20apple", at("/my%20apple"))).root_path, "/my app");
});

for (const path of ["/static/../secret", "/static/%2e%2E/secret", "/static/.", "/..", "/a/./b"]) {
  Deno.test(`URLRouter() matches no pattern with the path ${path}`, async () => {
    await assertRejects(() => route("/*", httpScope(path)), NoRouteError);
  });
}

for (const [path, rest] of [["/static/a\\..\\b", "a\\..\\b"], ["/static//etc", "/etc"]] as const) {
  Deno.test(`URLRouter() doesn't read ${path} as another path`, async () => {
    assertEquals((await route("/static/*", httpScope(path))).params, { "0": rest });
  });
}

Deno.test("URLRouter() ignores later changes of its argument", async () => {
  const routes: Record<string, Page> = { "/letters": async () => {} };
  const router = URLRouter(routes);
  delete routes["/letters"];
  routes["/cards"] = async () => {};
  await router(httpScope("/letters"), unexpected, unexpected);
  await assertRejects(() => router(httpScope("/cards"), unexpected, unexpected), NoRouteError);
});

for (const pattern of ["rooms", "", ":room", "/:", "/(", "/{a", "/:a/:a"]) {
  Deno.test(`URLRouter() rejects the pattern ${JSON.stringify(pattern)}`, () => {
    assertThrows(
      () => URLRouter({ [pattern]: unexpected }),
      TypeError,
      `URLRouter cannot use the pattern ${JSON.stringify(pattern)}: `,
    );
  });
}

Deno.test("URLRouter() rejects what is not a function, and classes, with a TypeError", () => {
  class RoomConsumer extends AsyncConsumer {}
  for (const value of [undefined, null, "page", {}, RoomConsumer]) {
    const routes = { "/rooms": value } as unknown as ApplicationsByPath<HttpScope>;
    assertThrows(
      () => URLRouter(routes),
      TypeError,
      'URLRouter needs an application for "/rooms"',
    );
  }
});

Deno.test("URLRouter() has the scopes that all its applications take", async () => {
  const page: Page = async () => {};
  const socket: Application<WebSocketScope> = async () => {};
  const both: Application<HttpScope | WebSocketScope> = async () => {};
  URLRouter({ "/": page }) satisfies Page;
  URLRouter({ "/": page, "/both": both }) satisfies Page;
  URLRouter({ "/": both }) satisfies Application<HttpScope | WebSocketScope>;
  ProtocolTypeRouter({ http: URLRouter({ "/": page }), websocket: URLRouter({ "/": socket }) });
  // @ts-expect-error It would be given the scope of a WebSocket.
  ProtocolTypeRouter({ websocket: URLRouter({ "/": page }) });
  // @ts-expect-error One of them would be given the other's scope.
  URLRouter({ "/": page, "/ws": socket });
  // @ts-expect-error A channel has no path.
  URLRouter({ "/": (async () => {}) as Application<ChannelScope> });
  await URLRouter({ "/": socket })(webSocketScope("/"), unexpected, unexpected);
});

/** Text without lone surrogates. */
const text = fc.string({ unit: "binary" });

/** The segments of a path, and their encoded form: any character may be encoded. */
const segment = text.filter((part) => !["", ".", ".."].includes(part)).chain((part) =>
  fc.infiniteStream(fc.boolean()).map((needless) => ({
    part,
    encoded: Array.from(part, (character) => percentEncode(character, needless.next().value)).join(
      "",
    ),
  }))
);

function percentEncode(character: string, isNeedless: boolean): string {
  const needed = encodeURIComponent(character);
  if (needed !== character || !isNeedless) return needed;
  return `%${character.charCodeAt(0).toString(16)}`;
}

Deno.test("URLRouter() returns any segment as it was before it was encoded", async () => {
  await fc.assert(fc.asyncProperty(segment, async ({ part, encoded }) => {
    assertEquals((await route("/:part", httpScope(`/${encoded}`))).params, { part });
  }));
});

Deno.test("URLRouter() splits any path into root_path and the rest", async () => {
  const segments = fc.array(segment, { minLength: 2, maxLength: 6 });
  await fc.assert(fc.asyncProperty(segments, async (all) => {
    const scope = httpScope(`/${all.map(({ encoded }) => encoded).join("/")}`);
    const found = await route("/:first/*", scope, (page) => URLRouter({ "/*": page }));
    assertEquals(found.root_path, `/${all[0]?.part}`);
    assertEquals(`${found.root_path}/${found.params[0]}`, scope.path);
  }));
});

Deno.test("URLRouter() matches or rejects whatever path a client sends", async () => {
  await fc.assert(fc.asyncProperty(text, text, async (path, root_path) => {
    const scope = httpScope(path, { root_path });
    await route("/*", scope).catch((error) => {
      if (!(error instanceof NoRouteError)) throw error;
    });
  }));
});
