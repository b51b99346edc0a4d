import { assert, assertEquals } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn, within } from "./clock.ts";
import { event, events, numberOf, range, receiveNumbers, receiveTogether } from "./events.ts";

const ROOMY = { capacity: 10_000 };

/** Channels are first in, first out, and so are the receivers of a channel. */
export const orderCases: readonly LayerCase[] = [
  {
    name: "receive() returns events in the order in which they were sent",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      for (const n of range(200)) await layer.send("letters", event(n));
      assertEquals(await receiveNumbers(layer, "letters", 200), range(200));
    },
  },
  {
    name: "receive() preserves the order of concurrent send() calls",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      await Promise.all(range(500).map((n) => layer.send("letters", event(n))));
      assertEquals(await receiveNumbers(layer, "letters", 500), range(500));
    },
  },
  {
    name: "receive() preserves the order of concurrent sendMany() and send() calls",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      await Promise.all([
        layer.sendMany("letters", events(1_200)),
        layer.sendMany("letters", events(2, 1_200)),
        layer.send("letters", event(1_202)),
      ]);
      assertEquals(await receiveNumbers(layer, "letters", 1_203), range(1_203));
    },
  },
  {
    name: "receive() preserves the order of each of several concurrent senders",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      const received = receiveTogether([layer], "letters", 400);
      await Promise.all([0, 1_000, 2_000, 3_000].map(async (first) => {
        for (const n of range(100, first)) await layer.send("letters", event(n));
      }));
      const numbers = await received;
      for (const first of [0, 1_000, 2_000, 3_000]) {
        const own = numbers.filter((n) => n >= first && n < first + 1_000);
        assertEquals(own, range(100, first));
      }
    },
  },
  {
    name: "receive() calls on one channel are served in order",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      const waiting = range(20).map(() => layer.receive("letters"));
      await layer.sendMany("letters", events(20));
      assertEquals((await Promise.all(waiting)).map(numberOf), range(20));
    },
  },
  {
    name: "receive() waits on many channels concurrently",
    async run(backend) {
      const layer = backend.connect();
      const waiting = range(60).map((n) => layer.receive(`letters-${n}`));
      await nextTurn();
      for (const n of range(60).reverse()) await layer.send(`letters-${n}`, event(n));
      assertEquals((await Promise.all(waiting)).map(numberOf), range(60));
    },
  },
  {
    name: "receive() is not delayed by others that wait",
    async run(backend) {
      const layer = backend.connect();
      const waiting = [layer.receive("quiet")];
      await layer.send("letters", event(0));
      await within(3_000, "20 receive() calls beside a pending one", receiveWhileSending(layer));
      await layer.send("quiet", event(1));
      assertEquals((await Promise.all(waiting)).map(numberOf), [1]);
    },
  },
  {
    name: "receive() from a quiet channel is not starved by a busy channel",
    async run(backend) {
      const layer = backend.connect(ROOMY);
      await layer.sendMany("busy", events(800));
      await layer.send("quiet", event(1));
      let busy = 0;
      const readers = range(4).map(async () => {
        for (const _ of range(200)) {
          await layer.receive("busy");
          busy++;
        }
      });
      assertEquals(numberOf(await layer.receive("quiet")), 1);
      assert(
        busy < 400,
        `The quiet channel was served after ${busy} of 800 events of the busy one`,
      );
      await Promise.all(readers);
    },
  },
];

/** Receives 20 events, one by one; each is sent after the one before was received. */
async function receiveWhileSending(layer: ChannelLayer): Promise<void> {
  for (const n of range(20)) {
    await nextTurn();
    assertEquals(numberOf(await layer.receive("letters")), n);
    await layer.send("letters", event(n + 1));
  }
}
