import { assertEquals, assertStringIncludes } from "@std/assert";
import { encode } from "../helpers/raw_client.ts";
import { openSocket, startSockets } from "../helpers/server.ts";
import { within } from "../helpers/waiting.ts";

/** Messages that `send()` rejects on an open WebSocket, and what the error says. */
const INVALID: readonly (readonly [name: string, message: object, says: string])[] = [
  ["a second websocket.accept", { type: "websocket.accept" }, "allowed is websocket.send or"],
  ["an unknown type", { type: "websocket.write" }, "allowed is websocket.send or websocket.close"],
  ["a message without a type", { text: "x" }, "allowed is websocket.send or websocket.close"],
  ["a denial", { type: "websocket.http.response.start", status: 200 }, "allowed is websocket.send"],
  ["neither text nor bytes", { type: "websocket.send" }, "either text or bytes"],
  [
    "text and bytes",
    { type: "websocket.send", text: "", bytes: encode("") },
    "either text or bytes",
  ],
  ["text that is a number", { type: "websocket.send", text: 1 }, "text must be a string"],
  ["bytes that are text", { type: "websocket.send", bytes: "x" }, "bytes a Uint8Array"],
  ["bytes that are a buffer", { type: "websocket.send", bytes: encode("").buffer }, "Uint8Array"],
  ["code 1004", { type: "websocket.close", code: 1004 }, "got 1004"],
  ["code 1005", { type: "websocket.close", code: 1005 }, "got 1005"],
  ["code 1006", { type: "websocket.close", code: 1006 }, "got 1006"],
  ["code 1014", { type: "websocket.close", code: 1014 }, "got 1014"],
  ["code 1015", { type: "websocket.close", code: 1015 }, "got 1015"],
  ["code 2999", { type: "websocket.close", code: 2999 }, "got 2999"],
  ["code 5000", { type: "websocket.close", code: 5000 }, "got 5000"],
  ["code 3000.5", { type: "websocket.close", code: 3000.5 }, "got 3000.5"],
  ["a reason that is a number", { type: "websocket.close", reason: 1 }, "reason must be a string"],
  [
    "a reason of 124 bytes",
    { type: "websocket.close", reason: "ä".repeat(62) },
    "at most 123 bytes",
  ],
];

for (const [name, message, says] of INVALID) {
  Deno.test(`send() of ${name} rejects with a TypeError, and the WebSocket stays open`, async () => {
    const caught = Promise.withResolvers<unknown>();
    await using server = await startSockets(async (_scope, receive, send) => {
      await receive();
      await send({ type: "websocket.accept" });
      const sendAny = send as (message: object) => Promise<void>;
      await sendAny(message).then(() => caught.resolve(undefined), caught.resolve);
      await send({ type: "websocket.send", text: "still open" });
      await receive();
    });
    await using client = await openSocket(`ws://${server.host}/`);
    await client.messages.reach(1);
    assertEquals(client.messages.items, ["still open"]);
    const error = await caught.promise;
    assertEquals((error as Error | undefined)?.constructor, TypeError);
    assertStringIncludes((error as Error).message, says);
  });
}

Deno.test("send() ignores keys that it does not know, and null as the other content", async () => {
  await using server = await startSockets(async (_scope, receive, send) => {
    await receive();
    const extra = { whatever: { a: 1 } };
    await send({ ...extra, type: "websocket.accept", subprotocol: null });
    await send({ ...extra, type: "websocket.send", text: "a", bytes: null });
    await send({ ...extra, type: "websocket.send", text: null, bytes: encode("b") });
    await send({ ...extra, type: "websocket.close", reason: null });
  });
  await using client = await openSocket(`ws://${server.host}/`);
  await within(client.closed, "the close event");
  assertEquals(client.messages.items, ["a", encode("b")]);
});
