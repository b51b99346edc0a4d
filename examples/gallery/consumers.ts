import { AsyncConsumer, AsyncJsonWebsocketConsumer } from "@asgi/channels";
import { listPictures, measure, type Picture, resize, savePicture } from "./pictures.ts";

/** Requests the thumbnail and the preview of a picture. */
export interface GenerateEvent {
  readonly type: "generate";
  readonly id: string;
  readonly name: string;
}

/** Reports the state of a picture to all pages. */
export interface PictureChangedEvent {
  readonly type: "picture.changed";
  readonly picture: Picture;
}

/** Generates thumbnails in a worker, and reports each step to the pages. */
export class ThumbnailConsumer extends AsyncConsumer {
  /** Handles `{ type: "generate", id, name }`. */
  async generate({ id, name }: GenerateEvent): Promise<void> {
    let picture: Picture = { id, name, state: "working", progress: 0.1, worker: Deno.pid };
    const report = async (change: Partial<Picture>) => {
      picture = await savePicture({ ...picture, ...change });
      await this.channelLayer.groupSend("gallery", { type: "picture.changed", picture });
    };
    try {
      await report({});
      await report({ progress: 0.3, ...await measure(id) });
      await resize(id, "thumbnail", 640);
      await report({ progress: 0.6 });
      await resize(id, "preview", 1920);
      await report({ state: "done", progress: 1 });
    } catch (error) {
      await report({ state: "failed" });
      throw error;
    }
  }
}

/** Shows the gallery on one page: first all pictures, then each change. */
export class GalleryConsumer extends AsyncJsonWebsocketConsumer<never, readonly Picture[]> {
  static override groups = ["gallery"];

  override async connect(): Promise<void> {
    await this.accept();
    // The group has been joined before: no change is missed between the list and the first event.
    await this.sendJson(await listPictures());
  }

  /** Handles `{ type: "picture.changed", picture }`. */
  async picture_changed({ picture }: PictureChangedEvent): Promise<void> {
    await this.sendJson([picture]);
  }
}
