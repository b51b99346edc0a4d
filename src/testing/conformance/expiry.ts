import { assertEquals } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn, untilClockPasses } from "./clock.ts";
import { drain, event, events, numberOf } from "./events.ts";

const EXPIRY = 100;

/** What is too old is never given. */
export const expiryCases: readonly LayerCase[] = [
  {
    name: "receive() gives no event that has expired",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.sendMany("letters", events(3));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, "letters"), 7);
    },
  },
  {
    name: "receiveMany() gives no event that has expired",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.sendMany("letters", events(3));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "receiveMany() that may not wait looks past what has expired",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.sendMany("letters", events(5));
      await untilClockPasses(Date.now() + EXPIRY);
      await layer.send("letters", event(7));
      const deliveries = await layer.receiveMany("letters", { limit: 2, wait: false });
      assertEquals(deliveries.map((delivery) => numberOf(delivery.read())), [7]);
    },
  },
  {
    name: "receive() gives no event of a group that has expired",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.groupAdd("readers", "letters");
      await layer.groupSend("readers", event(1));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, "letters"), 7);
    },
  },
  {
    name: "receive() gives no event that has expired in a process-local channel",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      const channel = layer.newChannel();
      await layer.send(channel, event(1));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, channel), 7);
    },
  },
  {
    name: "receive() gives no event that has expired after it was sorted out for its channel",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      const [channel, other] = [layer.newChannel(), layer.newChannel()];
      await layer.send(channel, event(1));
      assertEquals(await nextNumber(layer, other), 7);
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, channel), 7);
    },
  },
  {
    name: "receive() gives what was sent later than the expired",
    async run(backend) {
      const layer = backend.connect({ expiry: 300 });
      await layer.send("letters", event(1));
      await untilClockPasses(Date.now() + 200);
      await layer.send("letters", event(2));
      await untilClockPasses(Date.now() + 101);
      assertEquals(await drain(layer, "letters"), [2]);
    },
  },
];

/**
 * What comes next, when an event of number 7 is sent to one who waits already; again, should a
 * slow machine have let it expire on its way.
 */
async function nextNumber(layer: ChannelLayer, channel: string): Promise<number> {
  let received: number | undefined;
  const waiting = layer.receive(channel).then((message) => received = numberOf(message));
  for (let sentAt = -Infinity; received === undefined; await nextTurn()) {
    if (Date.now() <= sentAt + EXPIRY) continue;
    await layer.send(channel, event(7));
    sentAt = Date.now();
  }
  await waiting;
  return received;
}
