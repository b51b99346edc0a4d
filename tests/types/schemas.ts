/** Schemas of real libraries, as they are: senders send the input, handlers receive the output. */
import * as v from "valibot";
import * as z from "zod";
import {
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelsOf,
  getChannelLayer,
  SyncConsumer,
} from "@asgi/channels";

const Count = v.object({
  type: v.literal("count"),
  by: v.pipe(v.string(), v.transform(Number), v.integer()),
});

const Rename = z.object({
  type: z.literal("rename"),
  to: z.string().transform((name) => name.split("/")),
  mode: z.number().optional(),
});

class CountConsumer extends AsyncConsumer {
  static schemas = { count: Count };

  async count(event: v.InferOutput<typeof Count>) {
    await Promise.resolve(event.by.toFixed());
  }
}

class RenameConsumer extends SyncConsumer {
  static override module = import.meta.url;
  static schemas = { rename: Rename };

  rename(event: z.output<typeof Rename>): void {
    event.to.map((part) => part.toUpperCase());
  }
}

class WrongConsumer extends AsyncConsumer {
  static schemas = { count: Rename };

  async count(event: { type: "count"; by: number }) {
    await Promise.resolve(event.by);
  }
}

// @ts-expect-error schemas.count does not return what count() takes.
WrongConsumer.asAsgi();

const application = ChannelNameRouter({
  counts: CountConsumer.asAsgi(),
  names: RenameConsumer.asAsgi(),
});

export async function send(): Promise<void> {
  const layer = getChannelLayer<ChannelsOf<typeof application>>();
  await layer.send("counts", { type: "count", by: "1" });
  await layer.send("names", { type: "rename", to: "a/b" });
  await layer.send("names", { type: "rename", to: "a/b", mode: 1 });
  // @ts-expect-error The input of the schema is a string.
  await layer.send("counts", { type: "count", by: 1 });
  // @ts-expect-error The input of the schema is a string.
  await layer.send("names", { type: "rename", to: ["a", "b"] });
}
