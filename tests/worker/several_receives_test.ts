import { assertEquals } from "@std/assert";
import { MemoryChannelLayer, type Message } from "@asgi/channels";
import { numbered, numbersOf, range, Tally } from "../helpers/events.ts";
import { outcome, startWorker } from "../helpers/worker.ts";

Deno.test("an application may await several events concurrently", async () => {
  await using layer = new MemoryChannelLayer({ capacity: 2_000 });
  const seen = new Tally<Message>();
  await using running = await startWorker({
    layer,
    channels: ["letters"],
    application: async (_scope, receive) => {
      for (;;) for (const event of await Promise.all([receive(), receive()])) seen.add(event);
    },
  });
  const events = numbered(1_200);
  for (let sent = 0; sent < 1_200; sent += 2) {
    await layer.sendMany("letters", events.slice(sent, sent + 2));
    await seen.reach(sent + 2);
  }
  await running.stop();
  assertEquals(numbersOf(seen.items), range(1_200));
  assertEquals(outcome(running.worker), { received: 1_200, handled: 1_200, failed: 0, dropped: 0 });
});
