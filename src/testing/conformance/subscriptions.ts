import type { Message } from "../../protocol/mod.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { LayerClosedError } from "../../errors/mod.ts";
import type { ChannelLayer, Drop, Subscription } from "../../layers/mod.ts";
import type { LayerCase } from "./case.ts";
import { nextTurn, untilClockPasses } from "./clock.ts";
import { event, events, numberOf, range, sorted } from "./events.ts";

/** `subscribe()` opens a channel, keeps it in its groups, and removes it from them at the end. */
export const subscriptionCases: readonly LayerCase[] = [
  {
    name: "subscribe() joins its groups before it resolves",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe(["readers", "writers"]);
      await layer.groupSend("readers", event(1));
      await layer.groupSend("writers", event(2));
      assertEquals(await take(subscription, 2), [1, 2]);
    },
  },
  {
    name: "subscribe() reaches subscriptions of several layers",
    async run(backend) {
      const layers = [backend.connect(), backend.connect(), backend.connect()];
      const [sender] = layers;
      const subscriptions = await Promise.all(layers.map((layer) => layer.subscribe("readers")));
      await sender?.groupSend("readers", event(1));
      for (const subscription of subscriptions) assertEquals(await take(subscription, 1), [1]);
    },
  },
  {
    name: "subscribe() without groups receives what is sent to its channel",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe();
      const waiting = take(subscription, 2);
      await layer.sendMany(subscription.channel, events(2));
      assertEquals(await waiting, [0, 1]);
    },
  },
  {
    name: "subscribe() receives replies besides the messages of its group",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe("readers");
      await layer.send("letters", { type: "test.event", replyTo: subscription.channel });
      const { replyTo } = await layer.receive("letters");
      await layer.send(String(replyTo) as `${string}!${string}`, event(1));
      await layer.groupSend("readers", event(2));
      assertEquals(await take(subscription, 2), [1, 2]);
    },
  },
  {
    name: "subscribe() shares its messages between iterators",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe("readers");
      const waiting = range(3).map(() => take(subscription, 2));
      for (const n of range(6)) await layer.groupSend("readers", event(n));
      assertEquals(sorted((await Promise.all(waiting)).flat()), range(6));
    },
  },
  {
    name: "subscribe() resolves concurrent calls of next() in the order of the calls",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe("readers");
      const iterator = subscription[Symbol.asyncIterator]();
      const waiting = range(3).map(() => iterator.next());
      for (const n of range(3)) await layer.groupSend("readers", event(n));
      const results = await Promise.all(waiting);
      assertEquals(results.map(({ value }) => numberOf(value as Message)), range(3));
    },
  },
  {
    name: "subscribe() continues after a loop over it was left",
    async run(backend) {
      const layer = backend.connect();
      await using subscription = await layer.subscribe("readers");
      await layer.groupSend("readers", event(1));
      for await (const message of subscription) {
        assertEquals(numberOf(message), 1);
        break;
      }
      await layer.groupSend("readers", event(2));
      assertEquals(await take(subscription, 1), [2]);
    },
  },
  {
    name: "subscribe() ends when it is disposed of, and leaves its groups",
    async run(backend) {
      const layer = backend.connect();
      const subscription = await layer.subscribe(["readers", "writers"]);
      await layer.groupAdd("others", subscription.channel);
      const waiting = takeAll(subscription);
      await layer.groupSend("readers", event(1));
      await nextTurn();
      await subscription[Symbol.asyncDispose]();
      await subscription[Symbol.asyncDispose]();
      assertEquals((await waiting).length <= 1, true);
      assertEquals(await takeAll(subscription), []);
      for (const group of ["readers", "writers", "others"]) await assertNoMember(layer, group);
    },
  },
  {
    name: "subscribe() ends when its signal is aborted, and leaves its groups",
    async run(backend) {
      const layer = backend.connect();
      const control = new AbortController();
      const subscription = await layer.subscribe("readers", { signal: control.signal });
      const waiting = takeAll(subscription);
      await nextTurn();
      control.abort(new Error("Enough"));
      assertEquals(await waiting, []);
      await subscription[Symbol.asyncDispose]();
      await assertNoMember(layer, "readers");
    },
  },
  {
    name: "subscribe() ends when the layer is closed",
    async run(backend) {
      const layer = backend.connect();
      const subscription = await layer.subscribe("readers");
      const waiting = takeAll(subscription);
      await nextTurn();
      await layer.close();
      assertEquals(await waiting, []);
      assertEquals(await takeAll(subscription), []);
      await subscription[Symbol.asyncDispose]();
      await assertRejects(() => layer.subscribe("readers"), LayerClosedError, "is closed");
    },
  },
  {
    name: "subscribe() drops and reports messages after its end",
    async run(backend) {
      const drops: Drop[] = [];
      const layer = backend.connect({ onDrop: (drop) => drops.push(drop) });
      await using live = await layer.subscribe();
      const ended = await layer.subscribe();
      await ended[Symbol.asyncDispose]();
      await layer.sendMany(ended.channel, events(3));
      await layer.send(live.channel, event(0));
      assertEquals(await take(live, 1), [0]);
      assertEquals(drops.map(({ channel }) => channel), Array(3).fill(ended.channel));
      assert(drops.every(({ reason }) => reason.includes("ended")));
    },
  },
  {
    name: "subscribe() rejects invalid group names, and joins no group",
    async run(backend) {
      const layer = backend.connect();
      for (const name of ["not valid", "", "a!b"]) {
        await assertRejects(() => layer.subscribe(["readers", name]), TypeError, "Group name");
      }
      await assertNoMember(layer, "readers");
    },
  },
  {
    name: "subscribe() rejects with the reason of an aborted signal, and joins no group",
    async run(backend) {
      const layer = backend.connect();
      const reason = new Error("Enough");
      const aborted = AbortSignal.abort(reason);
      const error = await assertRejects(() => layer.subscribe("readers", { signal: aborted }));
      assertStrictEquals(error, reason);
      await assertNoMember(layer, "readers");
    },
  },
  {
    name: "a subscription stays in its groups for longer than groupExpiry",
    async run(backend) {
      const layer = backend.connect({ groupExpiry: 300 });
      await using subscription = await layer.subscribe();
      await layer.groupAdd("readers", subscription.channel);
      await untilClockPasses(Date.now() + 1_000);
      let isWaiting = true;
      const taken = take(subscription, 1).then(() => isWaiting = false);
      // A renewal may be late on a busy machine.
      while (isWaiting) {
        await layer.groupSend("readers", event(1));
        await nextTurn();
      }
      await taken;
    },
  },
  {
    name: "groupDiscard() ends a membership of a subscription for good",
    async run(backend) {
      const layer = backend.connect({ groupExpiry: 300 });
      await using subscription = await layer.subscribe(["readers", "writers"]);
      await layer.groupDiscard("readers", subscription.channel);
      await untilClockPasses(Date.now() + 400);
      await assertNoMember(layer, "readers");
    },
  },
  {
    name: "flush() ends the memberships of a subscription for good",
    async run(backend) {
      const layer = backend.connect({ groupExpiry: 300 });
      await using _subscription = await layer.subscribe("readers");
      await layer.flush();
      await untilClockPasses(Date.now() + 400);
      await assertNoMember(layer, "readers");
    },
  },
  {
    name: "groupAdd() does not add the channel of a subscription that has ended",
    async run(backend) {
      const layer = backend.connect();
      const subscription = await layer.subscribe();
      const adding = layer.groupAdd("readers", subscription.channel);
      await subscription[Symbol.asyncDispose]();
      await adding;
      await layer.groupAdd("readers", subscription.channel);
      await assertNoMember(layer, "readers");
    },
  },
];

/** Returns the numbers of the next messages. */
async function take(subscription: Subscription, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for await (const message of subscription) {
    if (numbers.push(numberOf(message)) === count) break;
  }
  return numbers;
}

/** Returns the numbers of all messages until the subscription ends. */
async function takeAll(subscription: Subscription): Promise<number[]> {
  const numbers: number[] = [];
  for await (const message of subscription) numbers.push(numberOf(message));
  return numbers;
}

/** Asserts that a message to a group reaches no process-local channel of a layer. */
async function assertNoMember(layer: ChannelLayer, group: string): Promise<void> {
  await layer.groupSend(group, event(0));
  // The channels of a layer share one key, and nothing receives from it now.
  const { channels } = await layer.inspect([layer.newChannel()]);
  assertEquals(channels[0]?.depth, 0, `messages for the members of ${group}`);
}
