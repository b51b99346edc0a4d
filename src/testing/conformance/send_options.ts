import { assertEquals, assertRejects } from "@std/assert";
import { ChannelFullError, SendTimeoutError } from "../../errors/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn, within } from "./clock.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";

const FULL = { capacity: 3 };

/** The options of `send()` and `sendMany()`: `waitForCapacity`, `timeout` and `signal`. */
export const sendOptionsCases: readonly LayerCase[] = [
  {
    name: "send() with waitForCapacity waits until the channel has capacity",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.sendMany("letters", events(3));
      const sending = layer.send("letters", event(3), { waitForCapacity: true });
      const got = [];
      while (got.length < 4) got.push(numberOf(await layer.receive("letters")));
      await within(5_000, "send()", sending);
      assertEquals(got, range(4));
    },
  },
  {
    name: "sendMany() with waitForCapacity sends more events than the capacity, in order",
    async run(backend) {
      const layer = backend.connect(FULL);
      const sending = layer.sendMany("letters", events(50), { waitForCapacity: true });
      const [got] = await Promise.all([receiveNumbers(layer, "letters", 50), sending]);
      assertEquals(got, range(50));
    },
  },
  {
    name: "send() with waitForCapacity preserves the order of concurrent calls",
    async run(backend) {
      const layer = backend.connect(FULL);
      const options = { waitForCapacity: true };
      const sending = events(20).map((message) => layer.send("letters", message, options));
      const [got] = await Promise.all([receiveNumbers(layer, "letters", 20), ...sending]);
      assertEquals(got, range(20));
    },
  },
  {
    name: "send() without waitForCapacity is rejected while another send() waits for capacity",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.sendMany("letters", events(3));
      const sending = layer.send("letters", event(3), { waitForCapacity: true });
      await assertRejects(() => layer.send("letters", event(4)), ChannelFullError);
      await layer.receive("letters");
      await sending;
      assertEquals(await drain(layer, "letters"), [1, 2, 3]);
    },
  },
  {
    name:
      "send() without waitForCapacity is rejected immediately behind a large sendMany() that waits",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.sendMany("letters", events(3));
      const control = new AbortController();
      const { signal } = control;
      const waiting = layer.sendMany("letters", events(1_500, 3), {
        waitForCapacity: true,
        signal,
      });
      const aborted = assertRejects(() => waiting);
      for (let times = 0; times < 3; times++) {
        await nextTurn();
        const one = assertRejects(() => layer.send("letters", event(9)), ChannelFullError);
        const many = assertRejects(() => layer.sendMany("letters", events(2)), ChannelFullError);
        const errors = await within(2_000, "the rejection", Promise.all([one, many]));
        assertEquals(errors.map(({ accepted }) => accepted), [0, 0]);
      }
      control.abort();
      await aborted;
      assertEquals(await drain(layer, "letters"), range(3));
    },
  },
  {
    name: "send() succeeds again once no other send() waits for capacity",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.sendMany("letters", events(3));
      const control = new AbortController();
      const { signal } = control;
      const waiting = layer.send("letters", event(3), { waitForCapacity: true, signal });
      const aborted = assertRejects(() => waiting);
      await assertRejects(() => layer.send("letters", event(4)), ChannelFullError);
      control.abort();
      await aborted;
      await layer.receive("letters");
      await layer.send("letters", event(5));
      assertEquals(await drain(layer, "letters"), [1, 2, 5]);
    },
  },
  {
    name: "send() that is aborted while it waits for capacity sends nothing",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.sendMany("letters", events(3));
      const reason = new Error("No longer wanted");
      const controller = new AbortController();
      const { signal } = controller;
      const sending = layer.send("letters", event(3), { waitForCapacity: true, signal });
      controller.abort(reason);
      assertEquals(await assertRejects(() => sending), reason);
      assertEquals(await drain(layer, "letters"), range(3));
    },
  },
  {
    name: "send() that is aborted while it is buffered sends nothing, not even an empty message",
    async run(backend) {
      const layer = backend.connect();
      const controller = new AbortController();
      const sending = layer.send("letters", event(0), { signal: controller.signal });
      controller.abort();
      await assertRejects(() => sending);
      await layer.send("letters", event(1));
      const { channels } = await layer.inspect(["letters"]);
      assertEquals(channels[0]?.depth, 1);
      assertEquals(await drain(layer, "letters"), [1]);
    },
  },
  {
    name: "send() with a signal that is already aborted sends nothing",
    async run(backend) {
      const layer = backend.connect();
      const signal = AbortSignal.abort(new Error("No longer wanted"));
      await assertRejects(() => layer.send("letters", event(0), { signal }), Error, "wanted");
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name:
      "sendMany() that waits for capacity longer than its timeout reports how many events were sent",
    async run(backend) {
      const layer = backend.connect(FULL);
      await layer.send("letters", event(0));
      const options = { waitForCapacity: true, timeout: 500 };
      const sending = layer.sendMany("letters", events(4, 1), options);
      const error = await assertRejects(() => sending, SendTimeoutError, "the first 2 were sent");
      assertEquals([error.channel, error.timeout, error.accepted], ["letters", 500, 2]);
      assertEquals(await drain(layer, "letters"), range(3));
    },
  },
  {
    name: "send() with a timeout that does not elapse resolves",
    async run(backend) {
      const layer = backend.connect();
      const { signal } = new AbortController();
      await layer.send("letters", event(0), { timeout: 20_000, signal });
      assertEquals(numberOf(await layer.receive("letters")), 0);
    },
  },
  {
    name: "send() rejects an invalid timeout",
    async run(backend) {
      const layer = backend.connect();
      for (const timeout of [-1, NaN, Infinity]) {
        await assertRejects(() => layer.send("letters", event(0), { timeout }), RangeError);
      }
    },
  },
  {
    name: "close() rejects a send() that waits for capacity",
    async run(backend) {
      const layer = backend.connect({ capacity: 1 });
      await layer.send("letters", event(0));
      const sending = layer.send("letters", event(1), { waitForCapacity: true });
      const rejected = assertRejects(() => sending, ChannelFullError);
      await layer.close();
      await rejected;
    },
  },
];
