import { assertEquals, assertRejects } from "@std/assert";
import { ChannelFullError } from "../../errors/mod.ts";
import type { LayerCase } from "./case.ts";
import { untilClockPasses } from "./clock.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";

/** Deliveries that were not handled return to their positions. */
export const requeueCases: readonly LayerCase[] = [
  {
    name: "requeue() returns deliveries to the front of the channel, in order",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(6));
      const taken = await layer.receiveMany("letters", { limit: 4 });
      await layer.send("letters", event(6));
      await layer.requeue(taken);
      assertEquals(await receiveNumbers(layer, "letters", 7), range(7));
    },
  },
  {
    name: "requeue() restores the positions, regardless of the order of its calls",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(6));
      const first = await layer.receiveMany("letters", { limit: 2 });
      const second = await layer.receiveMany("letters", { limit: 2 });
      await layer.requeue(first);
      await layer.requeue(second.toReversed());
      assertEquals(await drain(layer, "letters"), range(6));
    },
  },
  {
    name: "requeue() preserves the order for another layer",
    async run(backend) {
      const [layer, other] = [backend.connect(), backend.connect()];
      await layer.sendMany("letters", events(6));
      const taken = await layer.receiveMany("letters", { limit: 4 });
      await layer.requeue(taken);
      assertEquals(await receiveNumbers(other, "letters", 6), range(6));
    },
  },
  {
    name: "requeue() wakes a pending receive()",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", event(1));
      const taken = await layer.receiveMany("letters", { limit: 1 });
      const waiting = layer.receive("letters");
      await layer.requeue(taken);
      assertEquals(numberOf(await waiting), 1);
    },
  },
  {
    name: "requeue() wakes a receive() of another layer",
    async run(backend) {
      const [layer, other] = [backend.connect(), backend.connect()];
      await layer.send("letters", event(1));
      const taken = await layer.receiveMany("letters", { limit: 1 });
      const waiting = other.receive("letters");
      await layer.requeue(taken);
      assertEquals(numberOf(await waiting), 1);
    },
  },
  {
    name: "requeue() accepts deliveries of several channels",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("one", events(2));
      await layer.sendMany("two", events(2, 2));
      const one = await layer.receiveMany("one", { limit: 2 });
      const two = await layer.receiveMany("two", { limit: 2 });
      await layer.requeue([...two, ...one]);
      await layer.requeue([]);
      assertEquals(await drain(layer, "one"), [0, 1]);
      assertEquals(await drain(layer, "two"), [2, 3]);
    },
  },
  {
    name: "requeue() does not extend the expiry",
    async run(backend) {
      const layer = backend.connect({ expiry: 300 });
      assertEquals(await drain(layer, "letters"), []);
      await layer.send("letters", event(1));
      const taken = await layer.receiveMany("letters", { limit: 1 });
      await untilClockPasses(Date.now() + 300);
      await layer.requeue(taken);
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "requeue() uses the capacity of the channel again",
    async run(backend) {
      const layer = backend.connect({ capacity: 3 });
      await layer.sendMany("letters", events(3));
      const taken = await layer.receiveMany("letters", { limit: 2 });
      await layer.send("letters", event(3));
      await layer.requeue(taken);
      await assertRejects(() => layer.send("letters", event(4)), ChannelFullError);
      assertEquals(await drain(layer, "letters"), range(4));
    },
  },
  {
    name: "requeue() uses the capacity of the channel for other layers as well",
    async run(backend) {
      const [layer, other] = [backend.connect({ capacity: 3 }), backend.connect({ capacity: 3 })];
      await layer.sendMany("letters", events(3));
      const taken = await layer.receiveMany("letters", { limit: 2 });
      await other.send("letters", event(3));
      await layer.requeue(taken);
      await assertRejects(() => other.send("letters", event(4)), ChannelFullError);
      assertEquals(await drain(other, "letters"), range(4));
    },
  },
  {
    name: "requeue() rejects deliveries that receiveMany() did not return",
    async run(backend) {
      const layer = backend.connect();
      const forged = { channel: "letters", expiresAt: Infinity, read: () => event(1) };
      await assertRejects(() => layer.requeue([forged]), TypeError);
    },
  },
];
