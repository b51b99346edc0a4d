import { relative } from "node:path";
import { AsyncConsumer } from "@asgi/channels";
import { findPicture, thumbnailOf } from "./files.ts";

/** Requests the thumbnail of a picture. */
export interface GenerateEvent {
  readonly type: "generate";
  /** The picture's file is `pictures/ID.jpg` or `pictures/ID.png`. */
  readonly id: number;
  /** The channel to send a {@linkcode GeneratedEvent} to, if any. */
  readonly replyTo?: string;
}

/** The reply to a {@linkcode GenerateEvent}. */
export type GeneratedEvent = {
  readonly type: "generated";
  readonly id: number;
  readonly picture: string;
  readonly thumbnail: string;
  /** The sizes of the files, in bytes. */
  readonly before: number;
  readonly after: number;
  /** How long it took, in milliseconds. */
  readonly duration: number;
};

/** Requests the deletion of the thumbnail of a picture. */
export interface DeleteEvent {
  readonly type: "delete";
  readonly id: number;
}

/** Generates thumbnails. */
export class GenerateConsumer extends AsyncConsumer {
  /** Handles `{ type: "generate", id, replyTo? }`. */
  async generate(event: GenerateEvent): Promise<void> {
    const start = performance.now();
    const picture = await findPicture(event.id);
    const thumbnail = await thumbnailOf(event.id);
    // Imported on first use, so that the worker starts faster.
    const { default: sharp } = await import("sharp");
    await sharp(picture).rotate().resize(320, 320, { fit: "inside" }).webp().toFile(thumbnail);
    const duration = performance.now() - start;
    const done = await describe(event.id, { picture, thumbnail, duration });
    console.log(
      `${relative(".", picture)} -> ${relative(".", thumbnail)}: ${duration.toFixed(1)} ms`,
    );
    if (event.replyTo) await this.channelLayer.send(event.replyTo, done);
  }
}

/** Deletes thumbnails. */
export class DeleteConsumer extends AsyncConsumer {
  /** Handles `{ type: "delete", id }`. */
  async delete(event: DeleteEvent): Promise<void> {
    await Deno.remove(await thumbnailOf(event.id));
  }
}

async function describe(
  id: number,
  { picture, thumbnail, duration }: {
    readonly picture: string;
    readonly thumbnail: string;
    readonly duration: number;
  },
): Promise<GeneratedEvent> {
  const [{ size: before }, { size: after }] = await Promise.all([
    Deno.stat(picture),
    Deno.stat(thumbnail),
  ]);
  return { type: "generated", id, picture, thumbnail, before, after, duration };
}
