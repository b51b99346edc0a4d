import { assertEquals, assertRejects } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { Message } from "../../protocol/mod.ts";
import type { LayerCase } from "./case.ts";
import { drain } from "./events.ts";
import { assertSame } from "./same_value.ts";

class Letter {
  text = "Hello";
}

/** Unsupported values are rejected when they are sent, never later. */
export const rejectionCases: readonly LayerCase[] = [
  {
    name: "send() rejects objects that are not plain, and names their path",
    run: (backend) =>
      assertRejected(backend.connect(), [
        [{ files: [1, 2, { date: new Date(0) }] }, "$.files[2].date is a Date"],
        [{ map: new Map() }, "$.map is a Map"],
        [{ letter: new Letter() }, "$.letter is a Letter"],
        [{ "my letters": [new Letter()] }, '$["my letters"][0] is a Letter'],
        [{ floats: new Float32Array(1) }, "$.floats is a Float32Array"],
        [{ buffer: new ArrayBuffer(1) }, "$.buffer is an ArrayBuffer"],
        [{ error: new Error("Lost") }, "$.error is an Error"],
        [{ later: Promise.resolve() }, "$.later is a Promise"],
      ]),
  },
  {
    name: "send() rejects values of unsupported types, and names their path",
    run: (backend) =>
      assertRejected(backend.connect(), [
        [{ f: () => {} }, "$.f is a function"],
        [{ a: [Symbol("s")] }, "$.a[0] is a symbol"],
        [{ a: [1, , 3] }, "$.a[1] is undefined"],
        [{ [Symbol("s")]: 1 }, "$ has a symbol as key"],
        [{ a: { [Symbol("s")]: 1 } }, "$.a has a symbol as key"],
      ]),
  },
  {
    name:
      "send() rejects numbers that other implementations cannot represent, and names their path",
    run: (backend) =>
      assertRejected(backend.connect(), [
        [{ a: NaN }, "$.a is NaN"],
        [{ a: [Infinity] }, "$.a[0] is Infinity"],
        [{ a: -Infinity }, "$.a is -Infinity"],
        [{ a: 2n ** 63n }, "$.a is 9223372036854775808n: integers go from -2^63 to 2^63 - 1"],
        [{ a: 2n ** 64n - 1n }, "$.a is 18446744073709551615n: "],
        [{ a: -(2n ** 63n) - 1n }, "$.a "],
        [{ a: 1n }, "$.a is the bigint 1n"],
        [{ a: 2n ** 53n - 1n }, "$.a is the bigint 9007199254740991n"],
      ]),
  },
  {
    name: "send() rejects strings that are not well-formed, and names their path",
    run: (backend) =>
      assertRejected(backend.connect(), [
        [{ a: "\ud800" }, "$.a "],
        [{ a: ["x\udc00x"] }, "$.a[0] "],
        [{ a: { "\ud800": 1 } }, "$.a "],
      ]),
  },
  {
    name: "send() rejects messages that are nested too deeply, or circular",
    run: (backend) => {
      const itself: Record<string, unknown> = {};
      itself["a"] = [itself];
      return assertRejected(backend.connect(), [
        [{ a: nested(501) }, "is nested in more than 500 levels, or in itself"],
        [{ a: nested(20_000) }, "is nested in more than 500 levels, or in itself"],
        [{ itself }, "is nested in more than 500 levels, or in itself"],
      ]);
    },
  },
  {
    name: "send() accepts messages that are nested in 500 levels",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["letters", layer.newChannel()]) {
        await layer.send(channel, { type: "test.event", a: nested(500) });
        assertSame(await layer.receive(channel), { type: "test.event", a: nested(500) });
      }
    },
  },
  {
    name: "send() rejects a message that is not a plain object",
    async run(backend) {
      const layer = backend.connect();
      for (const value of [[], "text", null, undefined, 1, new Letter(), new Uint8Array(1)]) {
        const message = value as unknown as Message;
        await assertRejects(() => layer.send("letters", message), TypeError, "$ is ");
      }
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "send() rejects the key that is reserved for the layer",
    run: (backend) =>
      assertRejected(backend.connect(), [
        [{ "__asgi_channel__": "letters" }, "$.__asgi_channel__ belongs to the layer"],
      ]),
  },
];

/** Asserts that every method of sending rejects each message with a text, and sends nothing. */
async function assertRejected(
  layer: ChannelLayer,
  cases: readonly (readonly [parts: object, problem: string])[],
): Promise<void> {
  await layer.groupAdd("readers", "letters");
  const local = layer.newChannel();
  for (const [parts, problem] of cases) {
    const message = { type: "test.event", ...parts };
    await assertRejects(() => layer.send("letters", message), TypeError, problem);
    await assertRejects(() => layer.send(local, message), TypeError, problem);
    await assertRejects(() => layer.sendMany("letters", [message]), TypeError, problem);
    await assertRejects(() => layer.groupSend("readers", message), TypeError, problem);
    await assertRejects(() => layer.groupSend("empty", message), TypeError, problem);
  }
  assertEquals(await drain(layer, "letters"), []);
}

/** Returns arrays nested in a number of levels. */
function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}
