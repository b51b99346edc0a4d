import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { accepting, handshakeStatus, startSockets } from "../helpers/server.ts";

/** Origins, the option, and whether a WebSocket for the Host may be opened. */
const ORIGINS: readonly (readonly [
  origin: string | undefined,
  allowed: "*" | readonly string[] | undefined,
  host: string,
  isAllowed: boolean,
])[] = [
  [undefined, undefined, "example.com", true],
  [undefined, [], "example.com", true],
  ["http://example.com", undefined, "example.com", true],
  ["http://EXAMPLE.com", undefined, "example.COM", true],
  ["http://example.com", undefined, "example.com:80", true],
  ["https://example.com", undefined, "example.com:443", true],
  ["https://example.com", undefined, "example.com", true],
  ["http://example.com:8000", undefined, "example.com:8000", true],
  ["http://[::1]:8000", undefined, "[::1]:8000", true],
  ["http://example.com", undefined, "example.com:8000", false],
  ["http://example.com:8001", undefined, "example.com:8000", false],
  ["http://[::2]:8000", undefined, "[::1]:8000", false],
  ["http://evil.com", undefined, "example.com", false],
  ["http://example.com.evil.com", undefined, "example.com", false],
  ["http://example.com@evil.com", undefined, "example.com", false],
  ["null", undefined, "example.com", false],
  ["", undefined, "example.com", false],
  ["file://", undefined, "example.com", false],
  ["not an origin", undefined, "example.com", false],
  ["http://evil.com", "*", "example.com", true],
  ["null", "*", "example.com", true],
  ["https://app.example.com", ["https://app.example.com"], "example.com", true],
  ["https://APP.example.com", ["https://app.example.com"], "example.com", true],
  ["https://app.example.com", ["https://APP.example.com"], "example.com", true],
  ["http://app.example.com", ["https://app.example.com"], "example.com", false],
  ["https://app.example.com:444", ["https://app.example.com"], "example.com", false],
  ["http://example.com", ["https://app.example.com"], "example.com", false],
  ["null", ["https://app.example.com"], "example.com", false],
  ["http://example.com", [], "example.com", false],
];

for (const [origin, allowedOrigins, host, isAllowed] of ORIGINS) {
  const what = `a page of ${origin ?? "no origin"} ${isAllowed ? "may" : "may not"} open ` +
    `a WebSocket of ${host} if allowedOrigins is ${JSON.stringify(allowedOrigins)}`;
  Deno.test(what, async () => {
    await using server = await startSockets(accepting, allowedOrigins ? { allowedOrigins } : {});
    const status = await handshakeStatus(server, { host, origin });
    assertMatch(status, isAllowed ? /^HTTP\/1.1 101 / : /^HTTP\/1.1 403 /);
    assertEquals(server.log.items.length, isAllowed ? 0 : 1);
  });
}

Deno.test("a rejected origin is logged, with what would allow it", async () => {
  await using server = await startSockets(accepting);
  await handshakeStatus(server, { host: "example.com", origin: "http://evil.com" });
  assertEquals(server.log.items, [{
    level: "warn",
    message: "Rejected a WebSocket from the origin http://evil.com: " +
      "the request is for example.com; allowedOrigins can allow it",
  }]);
});

Deno.test("allowedOrigins with something else than an origin rejects", async () => {
  for (
    const origin of ["example.com", "https://example.com/", "https://example.com/a", "null", ""]
  ) {
    const starting = () => startSockets(accepting, { allowedOrigins: [origin] });
    await assertRejects(starting, TypeError, "allowedOrigins must contain origins such as");
  }
});
