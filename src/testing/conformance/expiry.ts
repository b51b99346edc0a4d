import { assertEquals } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn, untilClockPasses } from "./clock.ts";
import { drain, event, events, numberOf } from "./events.ts";

const EXPIRY = 100;

/** Expired events are never delivered. */
export const expiryCases: readonly LayerCase[] = [
  {
    name: "receive() returns no expired event",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.sendMany("letters", events(3));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, "letters"), 7);
    },
  },
  {
    name: "receiveMany() returns no expired event",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.sendMany("letters", events(3));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "receiveMany() without waiting returns the live events behind expired ones",
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
    name: "receive() returns no expired event of a group",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      await layer.groupAdd("readers", "letters");
      await layer.groupSend("readers", event(1));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, "letters"), 7);
    },
  },
  {
    name: "receive() returns no expired event of a process-local channel",
    async run(backend) {
      const layer = backend.connect({ expiry: EXPIRY });
      const channel = layer.newChannel();
      await layer.send(channel, event(1));
      await untilClockPasses(Date.now() + EXPIRY);
      assertEquals(await nextNumber(layer, channel), 7);
    },
  },
  {
    name: "receive() returns no event that has expired in the mailbox of a process-local channel",
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
    name: "receive() returns the live events behind expired ones",
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
 * Returns the number of the next event, after sending an event with the number 7 to a pending
 * `receive()`. Sends it again if it has expired in transit, as on a slow machine.
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
