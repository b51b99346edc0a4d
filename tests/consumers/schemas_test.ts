import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import fc from "fast-check";
import * as v from "valibot";
import * as z from "zod";
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  type DroppedEvent,
  InvalidEventError,
  MemoryChannelLayer,
  type Message,
  type StandardSchema,
} from "@asgi/channels";
import { ApplicationCommunicator } from "@asgi/channels/testing";
import { scope } from "../helpers/applications.ts";
import { Tally } from "../helpers/events.ts";
import { useMemoryLayer } from "../helpers/layers.ts";
import { startWorker } from "../helpers/worker.ts";
import { CheckedConsumer, type Resize, resizeSchemas } from "../fixtures/threads/checked_app.ts";

/** The application of a consumer that replies with what its handler receives. */
function applicationOf(schema: StandardSchema<Message, Resize>): Application<ChannelScope> {
  return class ResizeConsumer extends AsyncConsumer {
    static schemas = { resize: schema };

    async resize({ width }: Resize) {
      await this.send({ type: "resized", width });
    }
  }.asAsgi() as Application<ChannelScope>;
}

/** What a consumer with a schema does with an event. */
async function outcomeOf(
  schema: StandardSchema<Message, Resize>,
  event: Message,
): Promise<Message> {
  await using communicator = new ApplicationCommunicator(applicationOf(schema), scope);
  await communicator.sendInput(event);
  return await communicator.receiveOutput();
}

for (const [library, schema] of Object.entries(resizeSchemas(v, z))) {
  Deno.test(`a schema of ${library} passes its output to the handler`, async () => {
    const reply = await outcomeOf(schema, { type: "resize", width: "12" });
    assertEquals(reply, { type: "resized", width: 12 });
  });

  Deno.test(`a schema of ${library} rejects an invalid event, with the path and its message`, async () => {
    const event = { type: "resize", width: "wide" };
    const error = await assertRejects(() => outcomeOf(schema, event), InvalidEventError);
    assertEquals([error.consumer, error.type], ["ResizeConsumer", "resize"]);
    assertEquals(error.issues.map(({ path }) => path), ["$.width"]);
    assertMatch(error.message, /^ResizeConsumer rejects an event of type "resize": \$\.width: ./);
  });

  Deno.test(`a schema of ${library} validates 1,000 bodies without a crash`, async () => {
    await using layer = new MemoryChannelLayer({ capacity: 1_000 });
    const drops = new Tally<DroppedEvent>();
    const handled = new Tally<number>();
    class ResizeConsumer extends AsyncConsumer {
      static schemas = { resize: schema };

      async resize({ width }: Resize) {
        await Promise.resolve(handled.add(width));
      }
    }
    await using running = await startWorker({
      layer,
      channels: ["pictures"],
      application: ResizeConsumer.asAsgi(),
      onDrop: (drop) => drops.add(drop),
    });
    const bodies = fc.sample(fc.dictionary(fc.string(), fc.jsonValue()), { numRuns: 999, seed: 1 });
    for (const body of [...bodies, { width: "7" }]) {
      await layer.send("pictures", { ...body, type: "resize" }, { waitForCapacity: true });
    }
    await handled.reach(1);
    const { counts } = running.worker;
    assertEquals([counts.handled, counts.droppedBy.invalid, counts.failed], [1, 999, 0]);
    assertEquals(drops.items.length, 999);
  });
}

Deno.test("an invalid event is logged, counted, passed to onDrop and dropped, and the next is handled", async () => {
  await using layer = new MemoryChannelLayer();
  const { valibot } = resizeSchemas(v, z);
  const drops: DroppedEvent[] = [];
  const widths = new Tally<number>();
  class ResizeConsumer extends AsyncConsumer {
    static schemas = { resize: valibot };

    async resize({ width }: Resize) {
      await Promise.resolve(widths.add(width));
    }
  }
  await using running = await startWorker({
    layer,
    channels: ["pictures"],
    application: ChannelNameRouter({ pictures: ResizeConsumer.asAsgi() }),
    onDrop: (drop) => drops.push(drop),
  });
  const invalid = { type: "resize", width: "wide" };
  await layer.sendMany("pictures", [invalid, { type: "resize", width: "3" }]);
  await widths.reach(1);
  assertEquals(widths.items, [3]);
  assertEquals(drops.map(({ channel, reason, event }) => [channel, reason, event]), [
    ["pictures", "invalid", invalid],
  ]);
  const [entry] = running.log.filter(({ level }) => level === "warn");
  assertMatch(entry?.message ?? "", /^Dropped an event: ResizeConsumer rejects .*\$\.width: /);
  const { handled, failed, dropped, droppedBy } = running.worker.counts;
  assertEquals([handled, failed, dropped, droppedBy.invalid], [1, 0, 1, 1]);
});

Deno.test("a schema that throws fails its event, and the next is handled", async () => {
  await using layer = new MemoryChannelLayer();
  const widths = new Tally<number>();
  let calls = 0;
  const schema: StandardSchema<Message, Resize> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        if (calls++ === 0) throw new RangeError("not today");
        return { value: value as Resize };
      },
    },
  };
  class ResizeConsumer extends AsyncConsumer {
    static schemas = { resize: schema };

    async resize({ width }: Resize) {
      await Promise.resolve(widths.add(width));
    }
  }
  const application = ResizeConsumer.asAsgi();
  await using running = await startWorker({ layer, channels: ["pictures"], application });
  await layer.sendMany("pictures", [1, 2].map((width) => ({ type: "resize", width })));
  await widths.reach(1);
  assertEquals(widths.items, [2]);
  assertInstanceOf(running.errors[0]?.error, RangeError);
  assertEquals(running.worker.counts.failed, 1);
});

Deno.test("a schema belongs to a handler by the name of the method, however its type is written", async () => {
  const { zod } = resizeSchemas(v, z);
  class PictureConsumer extends AsyncConsumer {
    static schemas = { picture_resize: zod };

    async picture_resize(event: Resize) {
      await this.send({ type: "resized", width: event.width });
    }
  }
  await using communicator = new ApplicationCommunicator(PictureConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "picture.resize", width: "5" });
  assertEquals((await communicator.receiveOutput()).width, 5);
});

Deno.test("a schema runs on the thread of a SyncConsumer, also an asynchronous one", async () => {
  await using _ = useMemoryLayer();
  for (const type of ["resize", "resize.slowly"]) {
    await using communicator = new ApplicationCommunicator(CheckedConsumer.asAsgi(), scope);
    await communicator.sendInput(
      { type, width: "8" } as Parameters<typeof communicator.sendInput>[0],
    );
    const { width, isThread } = await communicator.receiveOutput();
    assertEquals([width, isThread], [8, true]);
  }
});

Deno.test("a schema on a thread rejects an invalid event with an InvalidEventError", async () => {
  const communicator = new ApplicationCommunicator(CheckedConsumer.asAsgi(), scope);
  await communicator.sendInput({ type: "resize.slowly", width: "wide" });
  const error = await assertRejects(() => communicator.receiveOutput(), InvalidEventError);
  assertEquals(error.issues.map(({ path }) => path), ["$.width"]);
});
