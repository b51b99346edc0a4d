import { assert, assertEquals, assertRejects } from "@std/assert";
import type { LayerCase } from "./case.ts";
import { untilClockPasses } from "./clock.ts";
import { drain, event, events, range } from "./events.ts";

/** `inspect()` returns the state of a layer without changing it. */
export const inspectionCases: readonly LayerCase[] = [
  {
    name: "inspect() returns the depth and the age of each channel",
    async run(backend) {
      const layer = backend.connect({ channelCapacity: { "letters": 7 } });
      const before = Date.now();
      await layer.sendMany("letters", events(3));
      await untilClockPasses(Date.now() + 20);
      const { channels } = await layer.inspect(["letters", "others"]);
      const [letters, others] = channels;
      const { oldestAge = -1, ...rest } = letters ?? {};
      assertEquals(rest, { channel: "letters", depth: 3, capacity: 7 });
      assert(oldestAge > 0 && oldestAge <= Date.now() - before + 1, `oldestAge is ${oldestAge}`);
      assertEquals(others, { channel: "others", depth: 0, capacity: 100 });
    },
  },
  {
    name: "inspect() changes nothing",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(3));
      await layer.inspect(["letters"]);
      assertEquals(await drain(layer, "letters"), range(3));
    },
  },
  {
    name: "inspect() does not count expired events",
    async run(backend) {
      const layer = backend.connect({ expiry: 100 });
      await layer.send("letters", event(0));
      await untilClockPasses(Date.now() + 110);
      const { channels } = await layer.inspect(["letters"]);
      assertEquals(channels, [{ channel: "letters", depth: 0, capacity: 100 }]);
    },
  },
  {
    name: "inspect() returns the servers",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", event(0));
      const { servers, channels } = await layer.inspect();
      assertEquals(channels, []);
      assert(servers.length > 0);
      for (const { name, version, roundTrip } of servers) {
        assert(name && version && roundTrip >= 0);
      }
    },
  },
  {
    name: "inspect() rejects invalid channel names",
    async run(backend) {
      await assertRejects(() => backend.connect().inspect(["not valid"]), TypeError);
    },
  },
];
