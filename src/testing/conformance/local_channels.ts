import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { LayerCase } from "./case.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";
import { assertSame } from "./same_value.ts";

/** Only the layer object that created the name of a process-local channel receives from it. */
export const localChannelCases: readonly LayerCase[] = [
  {
    name: "newChannel() returns a different name each time",
    run(backend) {
      const layer = backend.connect();
      const names = new Set(range(500).map(() => layer.newChannel()));
      assertEquals(names.size, 500);
      for (const name of names) assertMatch(name, /^specific\.[0-9a-f]{32}![0-9a-f]{32}$/);
      return Promise.resolve();
    },
  },
  {
    name: "newChannel() returns names that differ from those of another layer",
    run(backend) {
      const names = [backend.connect(), backend.connect()].map((layer) => layer.newChannel());
      const [one, two] = names.map((name) => name.split("!")[0]);
      assertEquals(one === two, false);
      return Promise.resolve();
    },
  },
  {
    name: "newChannel() uses its prefix for the beginning of the name",
    run(backend) {
      const layer = backend.connect();
      assertMatch(layer.newChannel("chat-room"), /^chat-room\.[0-9a-f]{32}![0-9a-f]{32}$/);
      for (const prefix of ["a!b", "a b", "é", "x".repeat(40)]) {
        assertThrows(() => layer.newChannel(prefix), TypeError, "fewer than 100 characters");
      }
      return Promise.resolve();
    },
  },
  {
    name: "send() reaches a process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channel = layer.newChannel();
      await layer.send(channel, event(1));
      assertSame(await layer.receive(channel), event(1));
      const waiting = layer.receive(channel);
      await layer.send(channel, event(2));
      assertSame(await waiting, event(2));
    },
  },
  {
    name: "send() reaches a process-local channel of another layer",
    async run(backend) {
      const [layer, other] = [backend.connect(), backend.connect()];
      const channel = layer.newChannel();
      await other.send(channel, event(1));
      assertSame(await layer.receive(channel), event(1));
      const waiting = layer.receive(channel);
      await other.send(channel, event(2));
      assertSame(await waiting, event(2));
    },
  },
  {
    name: "receive() from a process-local channel returns only events sent to it",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(3));
      await layer.sendMany(two, events(3, 10));
      assertEquals(await receiveNumbers(layer, two, 3), [10, 11, 12]);
      assertEquals(await receiveNumbers(layer, one, 3), [0, 1, 2]);
    },
  },
  {
    name: "receive() waits on many process-local channels concurrently",
    async run(backend) {
      const layer = backend.connect({ capacity: 1_000 });
      const channels = range(100).map(() => layer.newChannel());
      const waiting = channels.map((channel) => layer.receive(channel));
      await Promise.all(channels.map((channel, n) => layer.send(channel, event(n))));
      assertEquals((await Promise.all(waiting)).map(numberOf), range(100));
    },
  },
  {
    name: "receive() preserves the order of a process-local channel",
    async run(backend) {
      const layer = backend.connect({ capacity: 1_000 });
      const channel = layer.newChannel();
      await Promise.all([
        layer.sendMany(channel, events(600)),
        layer.sendMany(channel, events(100, 600)),
      ]);
      assertEquals(await receiveNumbers(layer, channel, 700), range(700));
    },
  },
  {
    name: "receive() rejects a process-local channel of another layer",
    async run(backend) {
      const layer = backend.connect();
      for (const name of ["specific.abc!def", `specific.${"0".repeat(32)}!0`]) {
        await assertRejects(() => layer.receive(name), TypeError, "belongs to another layer");
      }
    },
  },
  {
    name: "receive() from a process-local channel of another layer rejects and takes no message",
    async run(backend) {
      const [layer, other] = [backend.connect(), backend.connect()];
      const channel = layer.newChannel();
      await assertRejects(() => other.receive(channel), TypeError, "belongs to another layer");
      await other.send(channel, event(1));
      assertEquals(numberOf(await layer.receive(channel)), 1);
      assertEquals(await drain(layer, "specific"), []);
    },
  },
];
