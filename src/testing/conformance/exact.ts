import fc from "fast-check";
import { messages, objectOf } from "./arbitraries.ts";
import type { LayerCase } from "./case.ts";
import { assertSame } from "./same_value.ts";

/** Messages arrive exactly as they were sent. */
export const exactCases: readonly LayerCase[] = [
  {
    name: "send() omits keys whose value is undefined",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", {
        type: "sent",
        a: undefined,
        b: { c: undefined, d: 2n ** 60n },
      });
      assertSame(await layer.receive("letters"), { type: "sent", b: { d: 2n ** 60n } });
    },
  },
  {
    name: "receive() returns any message exactly as it was sent",
    async run(backend) {
      const layer = backend.connect();
      const property = fc.asyncProperty(messages, async (message) => {
        await layer.send("letters", message);
        assertSame(await layer.receive("letters"), message);
      });
      await fc.assert(property, { numRuns: 250 });
    },
  },
  {
    name: "receive() returns any message to a process-local channel exactly as it was sent",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      const property = fc.asyncProperty(messages, async (message) => {
        await layer.send(channel, message);
        assertSame(await layer.receive(channel), message);
      });
      await fc.assert(property, { numRuns: 80 });
    },
  },
  {
    name: "receive() returns any message to a group exactly as it was sent",
    async run(backend) {
      const layer = backend.connect();
      const channels = ["letters", layer.newChannel(), layer.newChannel()];
      for (const channel of channels) await layer.groupAdd("readers", channel);
      const property = fc.asyncProperty(messages, async (message) => {
        await layer.groupSend("readers", message);
        const received = await Promise.all(channels.map((channel) => layer.receive(channel)));
        for (const copy of received) assertSame(copy, message);
      });
      await fc.assert(property, { numRuns: 80 });
    },
  },
  {
    name: "receive() returns values at the limits of their encodings exactly",
    async run(backend) {
      const layer = backend.connect();
      for (const value of limits()) {
        const message = { type: "test.event", value, also: [value, { value }] };
        await layer.send("letters", message);
        assertSame(await layer.receive("letters"), message);
      }
    },
  },
  {
    name:
      "receive() returns plain objects and bytes for objects without a prototype and views of a buffer",
    async run(backend) {
      const layer = backend.connect();
      const bare = Object.assign(Object.create(null), { a: 1 });
      const part = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
      await layer.send("letters", { type: "test.event", bare, part });
      const expected = { type: "test.event", bare: { a: 1 }, part: Uint8Array.of(1, 2) };
      assertSame(await layer.receive("letters"), expected);
    },
  },
];

function limits(): unknown[] {
  return [...numbers(), ...texts(), ...containers()];
}

function numbers(): unknown[] {
  const powers = [7, 8, 15, 16, 31, 32, 52].map((exponent) => 2 ** exponent);
  const integers = powers.flatMap((power) => [power, power - 1, -power, -power - 1]);
  const bigints = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)];
  return [...integers, ...bigints, 0, -0, 5e-324, 1e20, 2 ** 53, -(2 ** 53), Number.MAX_VALUE];
}

/** Strings of lengths around those at which encodings change. */
function texts(): string[] {
  const lengths = [0, 31, 32, 200, 255, 256, 300, 65_535, 65_536];
  const repeated = ["a", "é", "😀"].flatMap((unit) => lengths.map((length) => unit.repeat(length)));
  return [...repeated, "\ufeff", `\ufeff${"a".repeat(300)}`, "\0", "\r\n", "\u{10ffff}\u2028"];
}

function containers(): unknown[] {
  const odd = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "",
    "0",
    "-1",
    "\ufeffa",
    "\u{10000}",
  ];
  const long = [`\ufeff${"k".repeat(300)}`, "k".repeat(70_000)];
  const nested = (depth: number): unknown => depth === 0 ? null : [nested(depth - 1)];
  return [
    [],
    {},
    [[], {}, [[]], new Uint8Array()],
    ...[...odd, ...long].map((key) => objectOf([[key, { [key]: 1 }]])),
    objectOf([...odd, ...long].map((key, index) => [key, index])),
    Array.from({ length: 70_000 }, (_, index) => index),
    objectOf(Array.from({ length: 20 }, (_, index) => [`key-${index}`, [index]])),
    nested(400),
  ];
}
