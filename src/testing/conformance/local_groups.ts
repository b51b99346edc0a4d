import { assertEquals } from "@std/assert";
import type { LayerCase } from "./case.ts";
import { drain, event, range } from "./events.ts";
import { assertSame } from "./same_value.ts";

const MESSAGE = { type: "test.event", bytes: Uint8Array.of(1, 2), names: ["Ann"] };

/** Groups of process-local channels. */
export const localGroupCases: readonly LayerCase[] = [
  {
    name: "groupSend() reaches each process-local channel once",
    async run(backend) {
      const layer = backend.connect();
      const channels = range(5).map(() => layer.newChannel());
      for (const channel of channels) await layer.groupAdd("readers", channel);
      await layer.groupSend("readers", MESSAGE);
      for (const channel of channels) {
        assertSame(await layer.receive(channel), MESSAGE);
        assertEquals(await drain(layer, channel), []);
      }
    },
  },
  {
    name: "groupSend() reaches process-local channels of several layers",
    async run(backend) {
      const [one, two] = [backend.connect(), backend.connect()];
      const ofOne = range(3).map(() => one.newChannel());
      const ofTwo = range(3).map(() => two.newChannel());
      for (const channel of ofOne) await one.groupAdd("readers", channel);
      for (const channel of ofTwo) await two.groupAdd("readers", channel);
      await two.groupSend("readers", MESSAGE);
      for (const channel of ofOne) assertSame(await one.receive(channel), MESSAGE);
      for (const channel of ofTwo) assertSame(await two.receive(channel), MESSAGE);
    },
  },
  {
    name: "groupSend() reaches process-local and ordinary channels",
    async run(backend) {
      const layer = backend.connect();
      const channels = [layer.newChannel(), "letters", layer.newChannel("chat"), "others"];
      for (const channel of channels) await layer.groupAdd("readers", channel);
      await layer.groupSend("readers", MESSAGE);
      for (const channel of channels) assertSame(await layer.receive(channel), MESSAGE);
    },
  },
  {
    name: "groupSend() delivers a separate object to each process-local channel",
    async run(backend) {
      const layer = backend.connect();
      const channels = range(3).map(() => layer.newChannel());
      for (const channel of channels) await layer.groupAdd("readers", channel);
      await layer.groupSend("readers", MESSAGE);
      for (const channel of channels) {
        const message = await layer.receive(channel);
        assertSame(message, MESSAGE);
        if (message["bytes"] instanceof Uint8Array) message["bytes"].fill(0);
        Object.assign(message, { names: [] });
      }
    },
  },
  {
    name: "groupDiscard() removes one process-local channel of several",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      for (const channel of [one, two]) await layer.groupAdd("readers", channel);
      await layer.groupDiscard("readers", one);
      await layer.groupSend("readers", event(1));
      assertSame(await layer.receive(two), event(1));
      assertEquals(await drain(layer, one), []);
    },
  },
];
