import { assert, assertEquals } from "@std/assert";
import type { ChannelLayer, Drop } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";

/** What comes for a process-local channel while nobody receives from it. */
export const localMailCases: readonly LayerCase[] = [
  {
    name: "receive() finds what came to a process-local channel while another was received from",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(3));
      await flowPast(layer, two);
      assertEquals(await receiveNumbers(layer, one, 3), [0, 1, 2]);
    },
  },
  {
    name: "receive() of a process-local channel drops the oldest that nobody receives",
    async run(backend) {
      const drops: Drop[] = [];
      const layer = backend.connect({ capacity: 4, onDrop: (drop) => drops.push(drop) });
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      for (const n of range(6)) {
        await layer.send(one, event(n));
        await flowPast(layer, two);
      }
      assertEquals(drops.map(({ channel }) => channel), [one, one]);
      assert(drops.every(({ reason }) => reason.length > 0));
      assertEquals(await receiveNumbers(layer, one, 4), [2, 3, 4, 5]);
    },
  },
  {
    name: "what is kept for a process-local channel is dropped when it expires, and reported",
    async run(backend) {
      const drops: Drop[] = [];
      const layer = backend.connect({ expiry: 600, onDrop: (drop) => drops.push(drop) });
      const [one, two, live] = [layer.newChannel(), layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(2));
      await layer.send(two, event(0));
      await flowPast(layer, live);
      await untilThereAre(3, drops);
      assertEquals(drops.map(({ channel }) => channel).toSorted(), [one, one, two].toSorted());
      assert(drops.every(({ reason }) => reason.includes("expired")));
      assertEquals(await drain(layer, one), []);
    },
  },
  {
    name: "a message to many process-local channels is kept for each of them",
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
    name: "receiveMany() gives what is in a process-local channel when it may not wait",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      assertEquals(await drain(layer, channel), []);
      await layer.sendMany(channel, events(3));
      assertEquals(await drain(layer, channel), [0, 1, 2]);
    },
  },
  {
    name: "receiveMany() takes several of a process-local channel, up to its limit",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(5));
      await flowPast(layer, two);
      const deliveries = await layer.receiveMany(one, { limit: 3 });
      assertEquals(deliveries.map((delivery) => numberOf(delivery.read())), [0, 1, 2]);
      assertEquals(deliveries.map(({ channel }) => channel), [one, one, one]);
      assertEquals(await receiveNumbers(layer, one, 2), [3, 4]);
    },
  },
  {
    name: "requeue() puts what came to a process-local channel to its front",
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

/** Waits until there are so many of something. */
async function untilThereAre(count: number, items: readonly unknown[]): Promise<void> {
  while (items.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Sends to a channel that is received from: what was sent to its neighbours before comes along. */
async function flowPast(layer: ChannelLayer, channel: string): Promise<void> {
  await layer.send(channel, event(0));
  await layer.receive(channel);
}
