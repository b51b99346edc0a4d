import { assertEquals } from "@std/assert";
import type { LayerCase } from "./case.ts";
import { untilClockPasses } from "./clock.ts";
import { drain, event, events, numberOf, range } from "./events.ts";
import { assertSame } from "./same_value.ts";

/** Groups are sets of channels. */
export const groupCases: readonly LayerCase[] = [
  {
    name: "groupSend() reaches each channel of the group",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["one", "two"]) await layer.groupAdd("readers", channel);
      await layer.groupSend("readers", event(1));
      for (const channel of ["one", "two"]) {
        assertSame(await layer.receive(channel), event(1));
        assertEquals(await drain(layer, channel), []);
      }
    },
  },
  {
    name: "groupSend() to an empty group sends nothing",
    async run(backend) {
      const layer = backend.connect();
      await layer.groupSend("readers", event(1));
      assertEquals(await drain(layer, "readers"), []);
    },
  },
  {
    name: "groupSend() reaches channels that other layers have added",
    async run(backend) {
      const [one, two, three] = [backend.connect(), backend.connect(), backend.connect()];
      const waiting = two.receive("letters");
      await one.groupAdd("readers", "letters");
      await three.groupSend("readers", event(1));
      assertEquals(numberOf(await waiting), 1);
    },
  },
  {
    name: "groupSend() reaches no channel of another group",
    async run(backend) {
      const layer = backend.connect();
      await layer.groupAdd("one", "letters-1");
      await layer.groupAdd("two", "letters-2");
      await layer.groupSend("one", event(1));
      assertEquals(await drain(layer, "letters-2"), []);
      assertEquals(await drain(layer, "letters-1"), [1]);
    },
  },
  {
    name: "groupSend() preserves the order",
    async run(backend) {
      const layer = backend.connect({ capacity: 1_000 });
      for (const channel of ["one", "two"]) await layer.groupAdd("readers", channel);
      for (const message of events(50)) await layer.groupSend("readers", message);
      for (const channel of ["one", "two"]) assertEquals(await drain(layer, channel), range(50));
    },
  },
  {
    name: "groupSend() reaches a large group",
    async run(backend) {
      const layer = backend.connect();
      const channels = range(300).map((n) => `letters-${n}`);
      await Promise.all(channels.map((channel) => layer.groupAdd("readers", channel)));
      await layer.groupSend("readers", event(1));
      for (const channel of channels) assertEquals(await drain(layer, channel), [1]);
    },
  },
  {
    name: "groupSend() is unaffected by later changes of the message",
    async run(backend) {
      const layer = backend.connect();
      await layer.groupAdd("readers", "letters");
      const message = { type: "test.event", names: ["Ann"] };
      const sent = layer.groupSend("readers", message);
      message.names.push("Bob");
      await sent;
      assertSame(await layer.receive("letters"), { type: "test.event", names: ["Ann"] });
    },
  },
  {
    name: "groupSend() delivers a separate object to each receiver",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["one", "two"]) await layer.groupAdd("readers", channel);
      const message = { type: "test.event", bytes: Uint8Array.of(1), names: ["Ann"] };
      await layer.groupSend("readers", message);
      const first = await layer.receive("one");
      Object.assign(first, { names: [] });
      if (first["bytes"] instanceof Uint8Array) first["bytes"].fill(0);
      assertSame(await layer.receive("two"), message);
    },
  },
  {
    name: "groupAdd() adds a channel once",
    async run(backend) {
      const layer = backend.connect();
      for (let times = 0; times < 3; times++) await layer.groupAdd("readers", "letters");
      await layer.groupSend("readers", event(1));
      assertEquals(await drain(layer, "letters"), [1]);
      await layer.groupDiscard("readers", "letters");
      await layer.groupSend("readers", event(2));
      assertEquals(await drain(layer, "letters"), []);
    },
  },
  {
    name: "groupDiscard() removes one channel",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["one", "two"]) await layer.groupAdd("readers", channel);
      await layer.groupDiscard("readers", "one");
      await layer.groupSend("readers", event(1));
      assertEquals(await drain(layer, "one"), []);
      assertEquals(await drain(layer, "two"), [1]);
    },
  },
  {
    name: "groupDiscard() ignores a channel that is not in the group",
    async run(backend) {
      const layer = backend.connect();
      await layer.groupDiscard("readers", "letters");
      await layer.groupAdd("readers", "one");
      await layer.groupDiscard("readers", "letters");
      await layer.groupSend("readers", event(1));
      assertEquals(await drain(layer, "one"), [1]);
    },
  },
  {
    name: "groupExpiry ends a membership that is not renewed",
    async run(backend) {
      const layer = backend.connect({ groupExpiry: 300 });
      for (const channel of ["one", "two"]) await layer.groupAdd("readers", channel);
      const renewedAfter = Date.now() + 150;
      await untilClockPasses(renewedAfter);
      await layer.groupAdd("readers", "two");
      await untilClockPasses(renewedAfter + 152);
      await layer.groupSend("readers", event(1));
      assertEquals(await drain(layer, "one"), []);
      assertEquals(await drain(layer, "two"), [1]);
    },
  },
];
