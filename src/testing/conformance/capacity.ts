import { assert, assertEquals, assertRejects } from "@std/assert";
import { ChannelFullError } from "../../errors/mod.ts";
import type { ChannelLayer, ChannelLayerOptions, Drop } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { untilClockPasses } from "./clock.ts";
import { drain, event, events, range } from "./events.ts";

/** A channel holds at most its capacity of events. */
export const capacityCases: readonly LayerCase[] = [
  {
    name: "send() rejects when the channel is full",
    async run(backend) {
      const layer = backend.connect({ capacity: 3 });
      for (const n of range(3)) await layer.send("letters", event(n));
      assertFull(await rejection(layer.send("letters", event(3))), ["letters", 3, 0]);
      await layer.send("others", event(0));
      assertEquals(await drain(layer, "letters"), range(3));
    },
  },
  {
    name: "send() accepts 100 events by default",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(100));
      assertFull(await rejection(layer.send("letters", event(100))), ["letters", 100, 0]);
    },
  },
  {
    name: "send() succeeds again after a receive() from a full channel",
    async run(backend) {
      const layer = backend.connect({ capacity: 2 });
      await layer.sendMany("letters", events(2));
      for (const n of range(5, 2)) {
        await rejection(layer.send("letters", event(n)));
        await layer.receive("letters");
        await layer.send("letters", event(n));
      }
      assertEquals(await drain(layer, "letters"), [5, 6]);
    },
  },
  {
    name: "send() succeeds again after events of a full channel have expired",
    async run(backend) {
      const layer = backend.connect({ capacity: 2, expiry: 100 });
      await layer.sendMany("letters", events(2));
      await untilClockPasses(Date.now() + 101);
      await layer.sendMany("letters", events(2, 2));
    },
  },
  {
    name: "send() counts the events that other layers have sent and received",
    async run(backend) {
      const [one, two] = [backend.connect({ capacity: 2 }), backend.connect({ capacity: 2 })];
      await one.send("letters", event(0));
      await two.send("letters", event(1));
      await rejection(one.send("letters", event(2)));
      await two.receive("letters");
      await one.send("letters", event(2));
      await rejection(two.send("letters", event(3)));
      assertEquals(await drain(two, "letters"), [1, 2]);
    },
  },
  {
    name: "sendMany() to a channel that becomes full sends the first events and reports how many",
    async run(backend) {
      const layer = backend.connect({ capacity: 5 });
      assertFull(await rejection(layer.sendMany("letters", events(8))), ["letters", 5, 5]);
      assertFull(await rejection(layer.sendMany("letters", events(8))), ["letters", 5, 0]);
      assertEquals(await drain(layer, "letters"), range(5));
    },
  },
  {
    name: "sendMany() to a channel that becomes full sends the first events of several batches",
    async run(backend) {
      const layer = backend.connect({ capacity: 700 });
      assertFull(await rejection(layer.sendMany("letters", events(1_500))), ["letters", 700, 700]);
      assertEquals(await drain(layer, "letters"), range(700));
    },
  },
  {
    name: "groupSend() skips a full channel",
    async run(backend) {
      const layer = backend.connect({ capacity: 1 });
      for (const channel of ["one", "two", "three"]) await layer.groupAdd("readers", channel);
      await layer.send("two", event(0));
      await layer.groupSend("readers", event(1));
      for (const channel of ["one", "three"]) assertEquals(await drain(layer, channel), [1]);
      assertEquals(await drain(layer, "two"), [0]);
    },
  },
  {
    name: "channelCapacity uses the first glob that matches the whole name",
    run: async (backend) =>
      await assertCapacities(
        backend.connect({
          capacity: 5,
          channelCapacity: { "http.*": 1, "http.?x": 9, "*-[ab]": 2 },
        }),
        { "http.request": 1, "http.ax": 1, "mail-a": 2, "mail-c": 5, "a-http.x": 5, "http": 5 },
      ),
  },
  {
    name: "channelCapacity accepts regular expressions",
    run: async (backend) => {
      const channelCapacity: ChannelLayerOptions["channelCapacity"] = [
        [/^mail-\d+$/, 1],
        [/HTTP/gi, 2],
        ["mail-*", 3],
      ];
      await assertCapacities(
        backend.connect({ capacity: 5, channelCapacity }),
        { "mail-12": 1, "http-1": 2, "mail-x": 3, "my-mail-1": 5 },
      );
    },
  },
  {
    name: "process-local channels of one prefix share ten times the capacity of a channel",
    async run(backend) {
      const layer = backend.connect({ capacity: 2 });
      const channels = range(20).map(() => layer.newChannel());
      for (const channel of channels) await layer.send(channel, event(0));
      const full = layer.newChannel();
      assertFull(await rejection(layer.send(full, event(1))), [full, 20, 0]);
      const { channels: [inspection] } = await layer.inspect([full]);
      assertEquals(inspection?.capacity, 20);
    },
  },
  {
    name: "groupSend() reports the messages for full channels",
    async run(backend) {
      const drops: Drop[] = [];
      const channelCapacity = { "specific.*": 1, "letters": 1 };
      const layer = backend.connect({ channelCapacity, onDrop: (drop) => drops.push(drop) });
      const channels = [layer.newChannel(), layer.newChannel(), "letters", "others"];
      for (const channel of channels) await layer.groupAdd("readers", channel);
      for (const n of range(2)) await layer.groupSend("readers", event(n));
      const full = channels.filter((channel) => channel !== "others");
      assertEquals(drops.map(({ channel }) => channel).toSorted(), full.toSorted());
      assert(drops.every(({ reason }) => reason.includes("full")));
    },
  },
  {
    name: "process-local channels of one prefix share their capacity",
    async run(backend) {
      const layer = backend.connect({ channelCapacity: { "mail.*": 3 } });
      const [one, two] = [layer.newChannel("mail"), layer.newChannel("mail")];
      await layer.send(one, event(0));
      await layer.send(two, event(1));
      await layer.send(one, event(2));
      assertFull(await rejection(layer.send(two, event(3))), [two, 3, 0]);
      await layer.send(layer.newChannel("other"), event(4));
    },
  },
];

/** Returns the `ChannelFullError` of a send that must be rejected. */
function rejection(sent: Promise<void>): Promise<ChannelFullError> {
  return assertRejects(() => sent, ChannelFullError);
}

function assertFull(
  error: ChannelFullError,
  expected: readonly [channel: string, capacity: number, accepted: number],
): void {
  assertEquals([error.channel, error.capacity, error.accepted], expected);
}

async function assertCapacities(
  layer: ChannelLayer,
  capacities: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [channel, capacity] of Object.entries(capacities)) {
    const error = await rejection(layer.sendMany(channel, events(10)));
    assertFull(error, [channel, capacity, capacity]);
  }
}
