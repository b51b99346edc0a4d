import { assertEquals, assertMatch } from "@std/assert";
import {
  AsyncConsumer,
  MemoryChannelLayer,
  type Message,
  type StandardSchema,
} from "@asgi/channels";
import { Tally } from "../../helpers/events.ts";
import { startWorker } from "../../helpers/worker.ts";

Deno.test("a schema that never settles costs its event, after 10 s, and the next is handled", async () => {
  await using layer = new MemoryChannelLayer();
  const handled = new Tally<unknown>();
  let calls = 0;
  const schema: StandardSchema<Message> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) =>
        calls++ === 0 ? new Promise(() => {}) : Promise.resolve({ value: value as Message }),
    },
  };
  class PrintConsumer extends AsyncConsumer {
    static schemas = { print: schema };

    async print(event: Message) {
      await Promise.resolve(handled.add(event.text));
    }
  }
  const application = PrintConsumer.asAsgi();
  await using running = await startWorker({ layer, channels: ["letters"], application });
  await layer.sendMany("letters", ["one", "two"].map((text) => ({ type: "print", text })));
  await handled.find(() => true, "the second event", 20_000);
  assertEquals(handled.items, ["two"]);
  assertEquals(running.worker.counts.droppedBy.invalid, 1);
  const [entry] = running.log.filter(({ level }) => level === "warn");
  assertMatch(entry?.message ?? "", /the schema did not settle within 10000 ms/);
});
