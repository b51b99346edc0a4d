import { assertEquals } from "@std/assert";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  MemoryChannelLayer,
  type Message,
  ProtocolTypeRouter,
} from "@asgi/channels";
import { numbered, range, remaining, Tally } from "../helpers/events.ts";
import { outcome, runBurst, startWorker } from "../helpers/worker.ts";
import { idle } from "../helpers/applications.ts";

Deno.test("Worker listens only to its channels", async () => {
  await using layer = new MemoryChannelLayer();
  for (const channel of ["letters", "parcels", "postcards"]) {
    await layer.send(channel, { type: "sent" });
  }
  const seen: string[] = [];
  await runBurst({
    layer,
    channels: ["letters", "postcards"],
    application: async ({ channel }, receive) => {
      for (;;) seen.push(`${channel} ${(await receive()).type}`);
    },
  });
  assertEquals(seen.toSorted(), ["letters sent", "postcards sent"]);
  assertEquals(await remaining(layer, "parcels"), [{ type: "sent" }]);
});

Deno.test("Worker runs the application with the scope of the channel", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("letters", { type: "sent" });
  const scopes: ChannelScope[] = [];
  await runBurst({
    layer,
    channels: ["letters"],
    application: async (scope, receive) => {
      scopes.push(scope);
      for (;;) await receive();
    },
  });
  assertEquals(scopes, [{ type: "channel", channel: "letters" }]);
});

Deno.test("Worker delivers an event unchanged", async () => {
  await using layer = new MemoryChannelLayer();
  const event = { type: "sent", text: "Hëllo", pages: 2n ** 60n, seal: new Uint8Array([1, 2]) };
  await layer.send("letters", event);
  const seen: Message[] = [];
  await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.push(await receive());
    },
  });
  assertEquals(seen, [event]);
});

Deno.test("Worker runs a router of consumers", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.send("print", { type: "test.print", text: "Hello" });
  const printed: string[] = [];
  class PrintConsumer extends AsyncConsumer {
    test_print({ text }: { type: string; text: string }): void {
      printed.push(`${this.scope.channel}: ${text}`);
    }
  }
  const application = ProtocolTypeRouter({
    channel: ChannelNameRouter({ print: PrintConsumer.asAsgi() }),
  });
  const { worker } = await runBurst({ layer, channels: ["print"], application });
  assertEquals(printed, ["print: Hello"]);
  assertEquals(outcome(worker), { received: 1, handled: 1, failed: 0, dropped: 0 });
});

Deno.test("Worker starts no application before there is an event for it", async () => {
  await using layer = new MemoryChannelLayer();
  let started = 0;
  const application: Application<ChannelScope> = (...args) => {
    started++;
    return idle(...args);
  };
  await using running = await startWorker({ layer, channels: ["letters"], application });
  await running.stop();
  assertEquals(started, 0);
});

Deno.test("Worker handles what is sent before it listens and after", async () => {
  await using layer = new MemoryChannelLayer();
  const seen = new Tally<string>();
  await layer.send("letters", { type: "before" });
  await using _running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) seen.add((await receive()).type);
    },
  });
  await layer.send("letters", { type: "after" });
  await seen.reach(2);
  assertEquals(seen.items, ["before", "after"]);
});

Deno.test("Worker treats a channel that is named twice as one", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 1_000 });
  await layer.sendMany("letters", numbered(100));
  let most = 0;
  let running = 0;
  const { worker } = await runBurst({
    layer,
    channels: ["letters", "letters"],
    application: async (_scope, receive) => {
      for (;;) {
        await receive();
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
      }
    },
  });
  assertEquals(most, 1);
  assertEquals(worker.counts.handled, 100);
});

Deno.test("an application that returns after an event is run again for the next", async () => {
  await using layer = new MemoryChannelLayer();
  await layer.sendMany("letters", numbered(20));
  const seen: unknown[] = [];
  let runs = 0;
  const { worker, errors } = await runBurst({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      runs++;
      seen.push((await receive()).number);
    },
  });
  assertEquals(seen, range(20));
  assertEquals(runs, 20);
  assertEquals(outcome(worker), { received: 20, handled: 20, failed: 0, dropped: 0 });
  assertEquals(errors, []);
});
