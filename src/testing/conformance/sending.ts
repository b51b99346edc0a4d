import { assertEquals, assertRejects } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { within } from "./clock.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";
import { assertSame } from "./same_value.ts";

/** A message arrives at its channel, as it was when `send()` was called. */
export const sendingCases: readonly LayerCase[] = [
  {
    name: "send() delivers a message to receive()",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", { type: "letter.sent", text: "Hello" });
      assertSame(await layer.receive("letters"), { type: "letter.sent", text: "Hello" });
    },
  },
  {
    name: "send() wakes a pending receive()",
    async run(backend) {
      const layer = backend.connect();
      const waiting = layer.receive("letters");
      await layer.send("letters", event(1));
      assertEquals(numberOf(await waiting), 1);
    },
  },
  {
    name: "send() reaches a receive() of another layer",
    async run(backend) {
      await backend.connect().send("letters", event(1));
      assertEquals(numberOf(await backend.connect().receive("letters")), 1);
    },
  },
  {
    name: "send() wakes a receive() of another layer",
    async run(backend) {
      const [sender, receiver] = [backend.connect(), backend.connect()];
      const waking = async () => {
        for (const n of range(20)) {
          const waiting = receiver.receive("letters");
          await sender.send("letters", event(n));
          assertEquals(numberOf(await waiting), n);
        }
      };
      await within(4_000, "waking 20 times", waking());
    },
  },
  {
    name: "send() reaches no other channel",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("one", event(1));
      await layer.send("two", event(2));
      await layer.send("One", event(3));
      assertEquals(numberOf(await layer.receive("two")), 2);
      assertEquals(numberOf(await layer.receive("One")), 3);
      assertEquals(await drain(layer, "one"), [1]);
    },
  },
  {
    name: "send() is unaffected by later changes of the message",
    async run(backend) {
      const layer = backend.connect();
      const bytes = Uint8Array.of(1, 2, 3);
      const message = { type: "letter.sent", to: { names: ["Ann"] }, bytes };
      const sent = layer.send("letters", message);
      message.to.names.push("Bob");
      bytes.fill(0);
      await sent;
      message.type = "letter.lost";
      assertSame(await layer.receive("letters"), {
        type: "letter.sent",
        to: { names: ["Ann"] },
        bytes: Uint8Array.of(1, 2, 3),
      });
    },
  },
  {
    name: "receive() returns an object that the receiver may change",
    async run(backend) {
      const layer = backend.connect();
      const message = { type: "letter.sent", names: ["Ann"] };
      await layer.sendMany("letters", [message, message]);
      const first = await layer.receive("letters");
      Object.assign(first, { names: [] });
      assertSame(await layer.receive("letters"), { type: "letter.sent", names: ["Ann"] });
      assertSame(message, { type: "letter.sent", names: ["Ann"] });
    },
  },
  {
    name: "sendMany() accepts any iterable",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", [].values());
      await layer.sendMany("letters", new Set(events(3)));
      await layer.sendMany("letters", events(3, 3).values());
      assertEquals(await receiveNumbers(layer, "letters", 6), range(6));
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "sendMany() sends nothing if one of its messages contains an unsupported value",
    async run(backend) {
      const layer = backend.connect();
      const messages = [...events(3), { type: "test.event", when: new Date(0) }];
      await assertRejects(() => layer.sendMany("letters", messages), TypeError, "$.when");
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "send() settles at any offset from another concurrent call",
    async run(backend) {
      const layer = backend.connect({ capacity: 10_000 });
      const send = () => layer.send("letters", event(0));
      // Only a few microtasks lie between the reply to a send() and the end of its work.
      for (const { ticks, call } of momentsBeside(layer)) {
        const moment = call();
        const sends = [send(), after(moment, ticks, send)];
        await within(5_000, `send(), ${ticks} microtasks after ${call}`, Promise.all(sends));
      }
      assertEquals((await drain(layer, "letters")).length, 2 * momentsBeside(layer).length);
    },
  },
];

/** Returns calls that settle at about the same time as a `send()`, each with several offsets. */
function momentsBeside(layer: ChannelLayer) {
  const calls: (() => Promise<unknown>)[] = [
    () => Promise.resolve(),
    () => layer.inspect(),
    () => layer.inspect(["others"]),
    () => layer.groupDiscard("readers", "others"),
    () => layer.receiveMany("others", { limit: 1, wait: false }),
  ];
  return calls.flatMap((call) => range(20).map((ticks) => ({ ticks, call })));
}

/** Creates a call a number of microtasks after a promise has settled. */
async function after<T>(
  moment: Promise<unknown>,
  ticks: number,
  call: () => Promise<T>,
): Promise<T> {
  await moment;
  for (let tick = 0; tick < ticks; tick++) await null;
  return await call();
}
