import { assertEquals, assertRejects } from "@std/assert";
import type { ChannelLayer } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn } from "./clock.ts";
import { drain, event, numberOf, range, sorted, unlessAborted } from "./events.ts";

/** A signal ends the waiting, and no event is lost. */
export const abortCases: readonly LayerCase[] = [
  {
    name: "receive() rejects with the reason of a signal that is already aborted",
    async run(backend) {
      const layer = backend.connect();
      await layer.send("letters", event(1));
      const reason = new Error("No longer interested");
      const signal = AbortSignal.abort(reason);
      assertEquals(await reasonOf(layer.receive("letters", { signal })), reason);
      assertEquals(await drain(layer, "letters"), [1]);
    },
  },
  {
    name: "receive() rejects with the signal's reason when it is aborted while it waits",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["letters", layer.newChannel()]) {
        const control = new AbortController();
        const waiting = layer.receive(channel, control);
        await nextTurn();
        const reason = new Error("No longer interested");
        control.abort(reason);
        assertEquals(await reasonOf(waiting), reason);
      }
    },
  },
  {
    name: "receive() that is aborted leaves the next event to another receive()",
    async run(backend) {
      const layer = backend.connect();
      for (const channel of ["letters", layer.newChannel()]) {
        const control = new AbortController();
        const leaving = layer.receive(channel, control);
        const staying = layer.receive(channel);
        control.abort();
        await assertRejects(() => leaving, DOMException);
        await layer.send(channel, event(1));
        assertEquals(numberOf(await staying), 1);
      }
    },
  },
  {
    name: "receive() that is aborted takes no event afterwards",
    async run(backend) {
      const layer = backend.connect();
      const control = new AbortController();
      const leaving = layer.receive("letters", control);
      await nextTurn();
      control.abort();
      await assertRejects(() => leaving, DOMException);
      await layer.send("letters", event(1));
      assertEquals(await drain(layer, "letters"), [1]);
    },
  },
  {
    name: "receive() loses no event when an abort and a send race",
    run: (backend) => race(backend.connect({ capacity: 1_000 }), "letters", 200),
  },
  {
    name: "receive() loses no event of a process-local channel when an abort and a send race",
    run: (backend) => {
      const layer = backend.connect({ capacity: 1_000 });
      return race(layer, layer.newChannel(), 100);
    },
  },
  {
    name: "receiveMany() loses no event when an abort and a send race",
    async run(backend) {
      const layer = backend.connect({ capacity: 1_000 });
      const numbers: number[] = [];
      for (const n of range(100)) {
        const control = new AbortController();
        const waiting = layer.receiveMany("letters", { limit: 3, signal: control.signal });
        const sent = layer.send("letters", event(n));
        for (let turns = n % 4; turns > 0; turns--) await nextTurn();
        control.abort();
        const deliveries = await unlessAborted(waiting, control.signal) ?? [];
        numbers.push(...deliveries.map((delivery) => numberOf(delivery.read())));
        await sent;
      }
      numbers.push(...await drain(layer, "letters"));
      assertEquals(numbers, range(100));
    },
  },
];

/** Aborts `count` calls of `receive()` at about the time when an event is sent to each. */
async function race(layer: ChannelLayer, channel: string, count: number): Promise<void> {
  const numbers: number[] = [];
  for (const n of range(count)) {
    const control = new AbortController();
    const waiting = layer.receive(channel, control);
    const sent = layer.send(channel, event(n));
    for (let turns = n % 5; turns > 0; turns--) await nextTurn();
    control.abort();
    const message = await unlessAborted(waiting, control.signal);
    if (message) numbers.push(numberOf(message));
    await sent;
  }
  while (numbers.length < count) numbers.push(numberOf(await layer.receive(channel)));
  assertEquals(sorted(numbers), range(count));
  assertEquals(await drain(layer, channel), []);
}

/** Returns what a promise rejects with; `undefined` if it resolves. */
function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(() => undefined, (reason) => reason);
}
