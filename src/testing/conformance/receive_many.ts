import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Delivery } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { event, events, numberOf, range } from "./events.ts";

/** Several at once. */
export const receiveManyCases: readonly LayerCase[] = [
  {
    name: "receiveMany() takes at most as many as its limit, the oldest first",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(5));
      assertEquals(numbers(await layer.receiveMany("letters", { limit: 3 })), [0, 1, 2]);
      assertEquals(numbers(await layer.receiveMany("letters", { limit: 3 })), [3, 4]);
    },
  },
  {
    name: "receiveMany() waits for the first",
    async run(backend) {
      const layer = backend.connect();
      const waiting = layer.receiveMany("letters", { limit: 10 });
      await layer.send("letters", event(1));
      assertEquals(numbers(await waiting), [1]);
    },
  },
  {
    name: "receiveMany() gives nothing when it may not wait and there is nothing",
    async run(backend) {
      const layer = backend.connect();
      assertEquals(await layer.receiveMany("letters", { limit: 10, wait: false }), []);
    },
  },
  {
    name: "receiveMany() gives what is there when it may not wait",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(3));
      const deliveries = await layer.receiveMany("letters", { limit: 10, wait: false });
      assertEquals(numbers(deliveries), [0, 1, 2]);
    },
  },
  {
    name: "receiveMany() needn't wait while others wait",
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
    name: "receiveMany() tells of each delivery where it was sent to and when it expires",
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
    name: "receiveMany() refuses a limit that makes no sense",
    async run(backend) {
      const layer = backend.connect();
      for (const limit of [0, -1, 1.5, NaN, Infinity]) {
        await assertRejects(() => layer.receiveMany("letters", { limit }), RangeError, "limit");
      }
    },
  },
  {
    name: "receiveMany() serves several with their own limits",
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

/** A layer may keep its times a little less finely than the clock shows them. */
function assertBetween(time: number, earliest: number, latest: number): void {
  assert(time >= earliest - 2 && time <= latest + 2, `${time} is not ${earliest} to ${latest}`);
}
