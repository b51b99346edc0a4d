import { assertEquals, assertStringIncludes } from "@std/assert";
import { Tally } from "../helpers/events.ts";
import { accepting, openSocket, startSockets } from "../helpers/server.ts";

/** Messages that `send()` rejects before the end of the handshake, and what the error says. */
const WRONG: readonly (readonly [name: string, message: object, says: string])[] = [
  [
    "websocket.send before websocket.accept",
    { type: "websocket.send", text: "x" },
    "allowed is websocket.accept",
  ],
  ["an unknown type", { type: "websocket.approve" }, "allowed is websocket.accept"],
  [
    "a body of a denial before its start",
    { type: "websocket.http.response.body" },
    "websocket.accept",
  ],
  ["a subprotocol that was not offered", { type: "websocket.accept", subprotocol: "z" }, "(a, b)"],
  ["a subprotocol of another type", { type: "websocket.accept", subprotocol: 1 }, "got 1"],
  ["headers that are not pairs", { type: "websocket.accept", headers: [["a"]] }, "pairs"],
  [
    "a header of the handshake",
    { type: "websocket.accept", headers: [["Upgrade", "x"]] },
    "upgrade",
  ],
  ["sec-websocket-protocol", {
    type: "websocket.accept",
    headers: [["Sec-WebSocket-Protocol", "a"]],
  }, "sec-websocket-protocol"],
  ["a close code that is not a number", { type: "websocket.close", code: "1000" }, "code must be"],
  ["a denial without status", { type: "websocket.http.response.start" }, "status must be"],
  ["a denial with status 101", { type: "websocket.http.response.start", status: 101 }, "from 200"],
];

for (const [name, message, says] of WRONG) {
  Deno.test(`send() of ${name} rejects with a TypeError, and the handshake is still open`, async () => {
    const caught = new Tally<unknown>();
    await using server = await startSockets(async (scope, receive, send) => {
      const sendAny = send as (message: object) => Promise<void>;
      await sendAny(message).then(() => caught.add(undefined), (error) => caught.add(error));
      await accepting(scope, receive, send);
    });
    await using _socket = await openSocket(`ws://${server.host}/`, ["a", "b"]);
    const [error] = caught.items;
    assertEquals((error as Error | undefined)?.constructor, TypeError);
    assertStringIncludes((error as Error).message, says);
  });
}
