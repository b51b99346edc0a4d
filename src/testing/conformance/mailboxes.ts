import { assert, assertEquals } from "@std/assert";
import type { ChannelLayer, Drop } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";

/** The mailboxes of process-local channels without a pending `receive()`. */
export const mailboxCases: readonly LayerCase[] = [
  {
    name:
      "receive() returns the events that arrived at a process-local channel during a receive() from another",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(3));
      await sendAndReceive(layer, two);
      assertEquals(await receiveNumbers(layer, one, 3), [0, 1, 2]);
    },
  },
  {
    name: "a full mailbox of a process-local channel drops and reports the oldest events",
    async run(backend) {
      const drops: Drop[] = [];
      const layer = backend.connect({ capacity: 4, onDrop: (drop) => drops.push(drop) });
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      for (const n of range(6)) {
        await layer.send(one, event(n));
        await sendAndReceive(layer, two);
      }
      assertEquals(drops.map(({ channel }) => channel), [one, one]);
      assert(drops.every(({ reason }) => reason.length > 0));
      assertEquals(await receiveNumbers(layer, one, 4), [2, 3, 4, 5]);
    },
  },
  {
    name: "a mailbox of a process-local channel drops and reports expired events",
    async run(backend) {
      const drops: Drop[] = [];
      const layer = backend.connect({ expiry: 600, onDrop: (drop) => drops.push(drop) });
      const [one, two, live] = [layer.newChannel(), layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(2));
      await layer.send(two, event(0));
      await sendAndReceive(layer, live);
      await untilLength(3, drops);
      assertEquals(drops.map(({ channel }) => channel).toSorted(), [one, one, two].toSorted());
      assert(drops.every(({ reason }) => reason.includes("expired")));
      assertEquals(await drain(layer, one), []);
    },
  },
  {
    name: "groupSend() to process-local channels stores the message for each of them",
    async run(backend) {
      const layer = backend.connect();
      const channels = range(20).map(() => layer.newChannel());
      for (const channel of channels) await layer.groupAdd("readers", channel);
      for (const n of range(3)) await layer.groupSend("readers", event(n));
      for (const channel of channels) {
        assertEquals(await receiveNumbers(layer, channel, 3), range(3));
      }
    },
  },
  {
    name: "receiveMany() without waiting returns the events of a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      assertEquals(await drain(layer, channel), []);
      await layer.sendMany(channel, events(3));
      assertEquals(await drain(layer, channel), [0, 1, 2]);
    },
  },
  {
    name: "receiveMany() returns up to its limit of events of a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(5));
      await sendAndReceive(layer, two);
      const deliveries = await layer.receiveMany(one, { limit: 3 });
      assertEquals(deliveries.map((delivery) => numberOf(delivery.read())), [0, 1, 2]);
      assertEquals(deliveries.map(({ channel }) => channel), [one, one, one]);
      assertEquals(await receiveNumbers(layer, one, 2), [3, 4]);
    },
  },
  {
    name: "requeue() returns events to the front of a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      await layer.sendMany(channel, events(4));
      const first = await layer.receiveMany(channel, { limit: 1 });
      await layer.requeue(first);
      assertEquals(await receiveNumbers(layer, channel, 4), range(4));
    },
  },
  {
    name: "requeue() wakes a receive() of a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      await layer.send(channel, event(1));
      const taken = await layer.receiveMany(channel, { limit: 1 });
      const waiting = layer.receive(channel);
      await layer.requeue(taken);
      await layer.send(channel, event(2));
      assertEquals(numberOf(await waiting), 1);
      assertEquals(numberOf(await layer.receive(channel)), 2);
    },
  },
];

/** Waits until a list has a number of items. */
async function untilLength(count: number, items: readonly unknown[]): Promise<void> {
  while (items.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Sends to one channel and receives from it: earlier messages of the same key are fetched as well. */
async function sendAndReceive(layer: ChannelLayer, channel: string): Promise<void> {
  await layer.send(channel, event(0));
  await layer.receive(channel);
}
