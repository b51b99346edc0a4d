import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Delivery } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { event, events, numberOf, range } from "./events.ts";

/** `receiveMany()` returns several deliveries. */
export const receiveManyCases: readonly LayerCase[] = [
  {
    name: "receiveMany() returns at most as many events as its limit, the oldest first",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(5));
      assertEquals(numbers(await layer.receiveMany("letters", { limit: 3 })), [0, 1, 2]);
      assertEquals(numbers(await layer.receiveMany("letters", { limit: 3 })), [3, 4]);
    },
  },
  {
    name: "receiveMany() waits for the first event",
    async run(backend) {
      const layer = backend.connect();
      const waiting = layer.receiveMany("letters", { limit: 10 });
      await layer.send("letters", event(1));
      assertEquals(numbers(await waiting), [1]);
    },
  },
  {
    name: "receiveMany() without waiting returns nothing from an empty channel",
    async run(backend) {
      const layer = backend.connect();
      assertEquals(await layer.receiveMany("letters", { limit: 10, wait: false }), []);
    },
  },
  {
    name: "receiveMany() without waiting returns the events of a channel",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(3));
      const deliveries = await layer.receiveMany("letters", { limit: 10, wait: false });
      assertEquals(numbers(deliveries), [0, 1, 2]);
    },
  },
  {
    name: "receiveMany() without waiting returns immediately while others wait",
    async run(backend) {
      const layer = backend.connect();
      const waiting = layer.receive("quiet");
      assertEquals(await layer.receiveMany("letters", { limit: 1, wait: false }), []);
      await layer.send("letters", event(1));
      const deliveries = await layer.receiveMany("letters", { limit: 1, wait: false });
      assertEquals(numbers(deliveries), [1]);
      await layer.send("quiet", event(2));
      assertEquals(numberOf(await waiting), 2);
    },
  },
  {
    name: "receiveMany() returns the channel and the expiry of each delivery",
    async run(backend) {
      const layer = backend.connect({ expiry: 50_000 });
      const before = Date.now();
      await layer.send("letters", event(1));
      const after = Date.now();
      const [delivery] = await layer.receiveMany("letters", { limit: 1 });
      assert(delivery);
      assertEquals(delivery.channel, "letters");
      assertBetween(delivery.expiresAt, before + 50_000, after + 50_000);
    },
  },
  {
    name: "receiveMany() rejects an invalid limit",
    async run(backend) {
      const layer = backend.connect();
      for (const limit of [0, -1, 1.5, NaN, Infinity]) {
        await assertRejects(() => layer.receiveMany("letters", { limit }), RangeError, "limit");
      }
    },
  },
  {
    name: "receiveMany() respects the limit of each of several calls",
    async run(backend) {
      const layer = backend.connect();
      const waiting = [2, 1, 3].map((limit) => layer.receiveMany("letters", { limit }));
      await layer.sendMany("letters", events(6));
      const parts = (await Promise.all(waiting)).map(numbers);
      const rest = await layer.receiveMany("letters", { limit: 6, wait: false });
      assertEquals([...parts.flat(), ...numbers(rest)], range(6));
      assert(parts.every((part, index) => part.length <= [2, 1, 3][index]!));
    },
  },
];

function numbers(deliveries: readonly Delivery[]): number[] {
  return deliveries.map((delivery) => numberOf(delivery.read()));
}

/** Tolerates 2 ms, since a layer may store times with a lower resolution. */
function assertBetween(time: number, earliest: number, latest: number): void {
  assert(time >= earliest - 2 && time <= latest + 2, `${time} is not ${earliest} to ${latest}`);
}
