/**
 * An application with a consumer for each rule of the inference. The files beside it are checked by
 * the compiler only: each `@ts-expect-error` is a claim, and each line without one as well.
 *
 * @module
 */
import {
  type Application,
  AsyncConsumer,
  ChannelNameRouter,
  type ChannelScope,
  type ChannelsOf,
  ProtocolTypeRouter,
  SyncConsumer,
} from "@asgi/channels";

/** An interface without an index signature. */
export interface Generate {
  type: "generate";
  id: number;
  sizes?: number[];
}

export interface Node {
  type: "node";
  children: Node[];
}

export class ThumbnailConsumer extends AsyncConsumer {
  readonly folder: string;

  constructor(folder: string) {
    super();
    this.folder = folder;
  }

  async generate(event: Generate) {
    await this.channelLayer.send("anywhere", { type: "done", id: event.id });
  }

  async delete_all(event: { type: "delete.all"; reason: string } | { type: "delete_all" }) {
    await Promise.resolve(event);
  }

  async rename(event: { type: string; to: string }) {
    await Promise.resolve(event.to);
  }

  async "quoted.name"(event: { type: string; exact: bigint }) {
    await Promise.resolve(event.exact);
  }

  async tick() {
    await Promise.resolve();
  }

  async node(event: Node) {
    await Promise.resolve(event.children);
  }

  async untyped(event: { data: Uint8Array; when: string | null }) {
    await Promise.resolve(event);
  }

  protected async help(event: { type: "help" }) {
    await Promise.resolve(event);
  }

  async _internal(event: { type: "_internal" }) {
    await Promise.resolve(event);
  }
}

export class ArchiveConsumer extends ThumbnailConsumer {
  async archive(event: { type: "archive"; year: number }) {
    await Promise.resolve(event.year);
  }
}

export class PaletteConsumer extends SyncConsumer {
  static override module = import.meta.url;
  static override threads = { timeLimit: 1_000 };

  palette(event: { type: "palette"; pixels: Uint8Array; replyTo: string }) {
    this.channelLayer.send(event.replyTo, { type: "palette.ready", colors: ["red"] });
  }
}

/** The events of a function. */
export type Letter = { type: "letter.sent"; text: string } | { type: "letter.read"; by: number };

const letters: Application<ChannelScope, Letter> = async (_scope, receive) => {
  const event = await receive();
  if (event.type === "letter.sent") event.text.toUpperCase();
  else event.by.toFixed();
};

const anything: Application<ChannelScope> = async (_scope, receive) => {
  const event = await receive();
  // @ts-expect-error Nothing is known of its fields.
  event.text.toUpperCase();
};

export const application = ProtocolTypeRouter({
  channel: ChannelNameRouter({
    thumbnails: ThumbnailConsumer.asAsgi("pictures"),
    archive: ArchiveConsumer.asAsgi("archive"),
    palettes: PaletteConsumer.asAsgi(),
    letters,
    anything,
    inline: async (_scope, receive) => {
      const event = await receive();
      event.type.toUpperCase();
      // @ts-expect-error Nothing is known of its fields here either.
      event.text.toUpperCase();
    },
  }),
});

export type Channels = ChannelsOf<typeof application>;

application satisfies Application;
