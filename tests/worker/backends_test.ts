import { assertEquals, assertGreater } from "@std/assert";
import {
  type ChannelLayer,
  type ChannelLayerOptions,
  MemoryChannelLayer,
  type Message,
  SqliteChannelLayer,
} from "@asgi/channels";
import { temporaryFolder } from "../helpers/temporary.ts";
import { numbered, numbersOf, range, remaining, Tally } from "../helpers/events.ts";
import { outcome, runBurst, startWorker } from "../helpers/worker.ts";
import { pause } from "../helpers/waiting.ts";
import { collecting } from "../helpers/applications.ts";

/** A kind of layer that workers share. */
interface Backend {
  readonly name: string;
  /** Opens a backend, and a second connection to it, as another process has. */
  readonly open: (options: ChannelLayerOptions) => Promise<OpenBackend>;
}

interface OpenBackend extends AsyncDisposable {
  readonly connect: () => ChannelLayer;
}

const BACKENDS: readonly Backend[] = [
  {
    name: "MemoryChannelLayer",
    open: (options) => {
      const layer = new MemoryChannelLayer(options);
      const dispose = () => layer.close();
      return Promise.resolve({ connect: () => layer, [Symbol.asyncDispose]: dispose });
    },
  },
  {
    name: "SqliteChannelLayer",
    open: async (options) => {
      const stack = new AsyncDisposableStack();
      const folder = stack.use(await temporaryFolder());
      const path = `${folder.path}/layer.sqlite3`;
      return {
        connect: () => stack.use(new SqliteChannelLayer({ ...options, path })),
        [Symbol.asyncDispose]: () => stack.disposeAsync(),
      };
    },
  },
];

for (const { name, open } of BACKENDS) {
  Deno.test(`Worker on ${name} loses only events that fail`, async () => {
    await using backend = await open({ capacity: 1_000 });
    const layer = backend.connect();
    await layer.sendMany("letters", numbered(1_000));
    const seen: Message[] = [];
    const told = await runBurst({
      layer,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          const event = await receive();
          seen.push(event);
          if (Number(event.number) % 10 === 0) throw new RangeError("No stamp");
        }
      },
    });
    assertEquals(seen.map(({ number }) => number), range(1_000));
    assertEquals(outcome(told.worker), { received: 1_000, handled: 900, failed: 100, dropped: 0 });
    assertEquals(told.errors.length, 100);
  });

  Deno.test(`Worker on ${name} is woken by what another process sends`, async () => {
    await using backend = await open({});
    const seen = new Tally<Message>();
    await using _running = await startWorker({
      layer: backend.connect(),
      channels: ["letters"],
      application: collecting(seen),
    });
    const sender = backend.connect();
    for (let count = 1; count <= 5; count++) {
      await sender.send("letters", { type: "sent", number: count - 1 });
      await seen.reach(count);
    }
    assertEquals(numbersOf(seen.items), range(5));
  });

  Deno.test(`Worker on ${name} shares a channel with others, and a stop loses nothing`, async () => {
    await using backend = await open({ capacity: 1_000 });
    const sender = backend.connect();
    await sender.sendMany("letters", numbered(600));
    const all = new Tally<Message>();
    const start = (duration: number) =>
      startWorker({
        layer: backend.connect(),
        concurrency: 2,
        channels: ["letters"],
        application: async (_scope, receive) => {
          for (;;) {
            const event = await receive();
            if (duration > 0) await pause(duration);
            all.add(event);
          }
        },
      });
    await using slow = await start(3);
    await using quick = await start(1);
    await all.reach(50);
    await quick.stop();
    await all.reach(80);
    await slow.stop();
    const others = await remaining(sender, "letters");
    assertGreater(others.length, 0);
    assertEquals(numbersOf([...all.items, ...others]), range(600));
  });

  Deno.test(`Worker on ${name} prefetches nothing beside slow handlers`, async () => {
    await using backend = await open({ capacity: 1_000 });
    const sender = backend.connect();
    await sender.sendMany("letters", numbered(100));
    const begun = new Tally<Message>();
    const gate = Promise.withResolvers<void>();
    await using running = await startWorker({
      layer: backend.connect(),
      concurrency: 3,
      channels: ["letters"],
      application: async (_scope, receive) => {
        for (;;) {
          begun.add(await receive());
          await gate.promise;
        }
      },
    });
    await begun.reach(3);
    assertEquals(numbersOf(await remaining(sender, "letters")), range(100).slice(3));
    gate.resolve();
    await running.stop();
  });

  Deno.test(`Worker on ${name} requeues what waits behind a handler that hangs`, async () => {
    await using backend = await open({ capacity: 1_000 });
    const sender = backend.connect();
    const events = numbered(420);
    await sender.sendMany("letters", events.with(300, { type: "hang", number: 300 }));
    const all = new Tally<Message>();
    const gate = Promise.withResolvers<void>();
    const hanging = Promise.withResolvers<void>();
    const start = () =>
      startWorker({
        layer: backend.connect(),
        channels: ["letters"],
        application: async (_scope, receive) => {
          for (;;) {
            const event = await receive();
            if (event.type === "hang") {
              hanging.resolve();
              await gate.promise;
            }
            all.add(event);
          }
        },
      });
    await using _one = await start();
    await hanging.promise;
    await using _other = await start();
    await all.reach(419);
    gate.resolve();
    await all.reach(420);
    assertEquals(numbersOf(all.items), range(420));
  });

  Deno.test(`Worker on ${name} ends a burst after what handlers send to other channels`, async () => {
    await using backend = await open({ capacity: 1_000 });
    const layer = backend.connect();
    await layer.sendMany("a", numbered(30));
    const seen = { a: 0, b: 0 };
    await runBurst({
      layer,
      channels: ["b", "a"],
      application: async ({ channel }, receive) => {
        for (;;) {
          const event = await receive();
          if (channel === "a") await layer.send("b", event);
          seen[channel === "a" ? "a" : "b"]++;
        }
      },
    });
    assertEquals(seen, { a: 30, b: 30 });
  });
}
