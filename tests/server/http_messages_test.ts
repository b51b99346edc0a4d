import { assertEquals, assertStringIncludes } from "@std/assert";
import { encode } from "../helpers/raw_client.ts";
import { startHttp } from "../helpers/server.ts";

/** Messages that `send()` rejects, and what the error says. */
const INVALID: readonly (readonly [name: string, messages: readonly object[], says: string])[] = [
  ["an unknown type", [{ type: "http.reply" }], "allowed is http.response.start"],
  ["no type", [{}], "allowed is http.response.start"],
  ["null", [null as unknown as object], "must be an object with a type, got null"],
  ["a message of another protocol", [{ type: "websocket.accept" }], "http.response.start"],
  ["a body before the start", [{ type: "http.response.body" }], "http.response.start"],
  ["two starts", [start(200), start(200)], "allowed is http.response.body"],
  ["no status", [{ type: "http.response.start" }], "status must be an integer from 200 to 599"],
  ["a status as text", [{ type: "http.response.start", status: "200" }], 'got "200"'],
  ["a status out of range", [start(99)], "got 99"],
  ["an informational status", [start(101)], "got 101"],
  ["headers as an object", [{ ...start(200), headers: { a: "b" } }], "pairs of a name and a value"],
  ["headers as text", [{ ...start(200), headers: "a: b" }], "pairs of a name and a value"],
  ["a header that is no pair", [{ ...start(200), headers: [["a"]] }], "pairs"],
  ["a header of bytes", [{ ...start(200), headers: [["a", encode("b")]] }], "both strings"],
  ["a line break in a header", [{ ...start(200), headers: [["a", "b\r\nc: d"]] }], '"a"'],
  ["a header name with a space", [{ ...start(200), headers: [["a b", "c"]] }], '"a b"'],
  ["a body of text", [start(200), { type: "http.response.body", body: "x" }], "Uint8Array"],
  ["null as body", [start(200), { type: "http.response.body", body: null }], "Uint8Array"],
  [
    "more_body as number",
    [start(200), { ...start(1), type: "http.response.body", more_body: 1 }],
    "boolean",
  ],
  ["a path of another type", [start(200), { type: "http.response.pathsend", path: 1 }], "string"],
];

function start(status: number): { type: string; status: number } {
  return { type: "http.response.start", status };
}

for (const [name, messages, says] of INVALID) {
  Deno.test(`send() of ${name} rejects with a TypeError, and the response is still possible`, async () => {
    const caught = Promise.withResolvers<unknown>();
    await using server = await startHttp(async (_scope, _receive, send) => {
      const sendAny = send as (message: object) => Promise<void>;
      for (const message of messages.slice(0, -1)) await sendAny(message);
      await sendAny(messages.at(-1)!).then(() => caught.resolve(undefined), caught.resolve);
      if (messages.length === 1) await send({ type: "http.response.start", status: 200 });
      await send({ type: "http.response.body", body: encode("fine") });
    });
    const response = await fetch(`http://${server.host}/`);
    assertEquals([response.status, await response.text()], [200, "fine"]);
    const error = await caught.promise;
    assertEquals((error as Error | undefined)?.constructor, TypeError);
    assertStringIncludes((error as Error).message, says);
  });
}

Deno.test("send() ignores keys that it does not know", async () => {
  await using server = await startHttp(async (_scope, _receive, send) => {
    const extra = { trailers: false, whatever: { a: 1 } };
    await send(
      { ...start(200), ...extra } as unknown as { type: "http.response.start"; status: 200 },
    );
    await send({ ...extra, type: "http.response.body", body: encode("fine") });
  });
  assertEquals(await (await fetch(`http://${server.host}/`)).text(), "fine");
  assertEquals(server.log.items, []);
});
