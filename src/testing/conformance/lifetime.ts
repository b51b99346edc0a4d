import { assertEquals, assertRejects } from "@std/assert";
import { LayerClosedError } from "../../errors/mod.ts";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn } from "./clock.ts";
import { drain, event, events, numberOf, range, receiveNumbers } from "./events.ts";

/** `flush()`, `close()` and the `prefix` of a layer. */
export const lifetimeCases: readonly LayerCase[] = [
  {
    name: "flush() deletes messages and groups",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(3));
      await layer.groupAdd("readers", "others");
      await layer.flush();
      await layer.groupSend("readers", event(4));
      for (const channel of ["letters", "others"]) assertEquals(await drain(layer, channel), []);
    },
  },
  {
    name: "flush() deletes the messages of process-local channels",
    async run(backend) {
      const layer = backend.connect();
      const [one, two] = [layer.newChannel(), layer.newChannel()];
      await layer.sendMany(one, events(3));
      await layer.send(two, event(0));
      await layer.receive(two);
      await layer.flush();
      await layer.send(one, event(7));
      assertEquals(numberOf(await layer.receive(one)), 7);
    },
  },
  {
    name: "flush() keeps a receive() pending",
    async run(backend) {
      const layer = backend.connect();
      const waiting = layer.receive("letters");
      await nextTurn();
      await layer.flush();
      await layer.send("letters", event(1));
      assertEquals(numberOf(await waiting), 1);
    },
  },
  {
    name: "flush() frees the capacity of a channel for other layers",
    async run(backend) {
      const [layer, other] = [backend.connect({ capacity: 2 }), backend.connect({ capacity: 2 })];
      await layer.sendMany("letters", events(2));
      await other.flush();
      await layer.sendMany("letters", events(2, 2));
      assertEquals(await receiveNumbers(other, "letters", 2), [2, 3]);
    },
  },
  {
    name: "prefix separates layers",
    async run(backend) {
      const [red, blue] = ["red", "blue"].map((prefix) => backend.connect({ prefix }));
      if (!red || !blue) throw new Error("Unreachable");
      await red.groupAdd("readers", "letters");
      await blue.send("letters", event(1));
      await blue.groupSend("readers", event(2));
      assertEquals(await drain(red, "letters"), []);
      await red.send("letters", event(3));
      await red.flush();
      assertEquals(await drain(blue, "letters"), [1]);
    },
  },
  {
    name: "prefix may contain characters that have a meaning in patterns",
    async run(backend) {
      const [star, other] = ["a*[b]?%_\\", "aXb"].map((prefix) => backend.connect({ prefix }));
      if (!star || !other) throw new Error("Unreachable");
      await star.send("letters", event(1));
      await other.send("letters", event(2));
      await star.flush();
      assertEquals(await drain(star, "letters"), []);
      assertEquals(await drain(other, "letters"), [2]);
    },
  },
  {
    name: "prefix separates layers even if one prefix is the beginning of the other",
    async run(backend) {
      const app = backend.connect({ prefix: "app", capacity: 2 });
      const long = backend.connect({ prefix: "app-long", capacity: 2 });
      await long.sendMany("jobs", events(2));
      await long.groupAdd("readers", "jobs-2");
      await app.groupAdd("readers", "-longjobs-3");
      assertEquals(await drain(app, "-longjobs"), []);
      assertEquals((await app.inspect(["-longjobs"])).channels[0]?.depth, 0);
      await app.sendMany("-longjobs", events(2, 2));
      await app.groupSend("readers", event(4));
      await app.flush();
      await long.groupSend("readers", event(5));
      assertEquals(await drain(long, "jobs"), range(2));
      assertEquals(await drain(long, "jobs-2"), [5]);
      assertEquals(await drain(long, "jobs-3"), []);
    },
  },
  {
    name: "close() rejects pending receive() calls",
    async run(backend) {
      const layer = backend.connect();
      const waiting = [
        layer.receive("letters"),
        layer.receive(layer.newChannel()),
        layer.receiveMany("others", { limit: 3 }),
      ];
      const rejected = waiting.map((promise) => assertRejects(() => promise, LayerClosedError));
      await nextTurn();
      await layer.close();
      await Promise.all(rejected);
    },
  },
  {
    name: "close() causes later calls to reject",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", event(1));
      const taken = await layer.receiveMany("letters", { limit: 1 });
      await layer.close();
      for (const call of [...callsOf(layer), () => layer.requeue(taken)]) {
        await assertRejects(call, LayerClosedError, "is closed");
      }
    },
  },
  {
    name: "close() can be called twice, and before any other method",
    async run(backend) {
      const layer = backend.connect();
      await Promise.all([layer.close(), layer.close()]);
      await layer.close();
      await layer[Symbol.asyncDispose]();
    },
  },
  {
    name: "close() keeps sent events for other layers",
    async run(backend) {
      const layer = backend.connect();
      await layer.sendMany("letters", events(5));
      const waiting = assertRejects(() => layer.receive("others"), LayerClosedError);
      await layer.close();
      await waiting;
      assertEquals(await drain(backend.connect(), "letters"), range(5));
    },
  },
  {
    name: "close() loses no event that is being sent",
    async run(backend) {
      const [layer, other] = [backend.connect(), backend.connect()];
      const sending = range(10).map((n) => layer.send("letters", event(n)).then(() => n));
      await layer.close();
      const results = await Promise.allSettled(sending);
      const sent = results.flatMap((result) => result.status === "fulfilled" ? result.value : []);
      assertEquals(await drain(other, "letters"), sent);
    },
  },
];

function callsOf(layer: ChannelLayer): (() => Promise<unknown>)[] {
  return [
    () => layer.send("letters", event(1)),
    () => layer.sendMany("letters", events(2)),
    () => layer.receive("letters"),
    () => layer.receiveMany("letters", { limit: 1, wait: false }),
    () => layer.groupAdd("readers", "letters"),
    () => layer.groupDiscard("readers", "letters"),
    () => layer.groupSend("readers", event(1)),
    () => layer.flush(),
  ];
}
