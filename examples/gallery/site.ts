/**
 * A gallery that is filled by dropping pictures on a page: `deno task demo:web` runs it with two server
 * processes and two workers. Each of them can be started alone:
 *
 * ```sh
 * deno run -A cli.ts serve --app examples/gallery/site.ts
 * deno run -A cli.ts runworker gallery-thumbnails --app examples/gallery/site.ts
 * ```
 *
 * With `CHANNEL_LAYER_URL=redis://127.0.0.1:6379`, a Django site can add a picture as well. It writes
 * the file `.gallery/ID/original` and sends one event:
 *
 * ```py
 * await get_channel_layer().send("gallery-thumbnails", {"type": "generate", "id": ID, "name": NAME})
 * ```
 *
 * @module
 */
import {
  ChannelNameRouter,
  type ChannelsOf,
  fromFetchHandler,
  ProtocolTypeRouter,
  URLRouter,
} from "@asgi/channels";
import { GalleryConsumer, ThumbnailConsumer } from "./consumers.ts";
import { respond } from "./server.ts";

/** The whole site: pages and uploads, WebSockets, and the work in the background. */
export const application = ProtocolTypeRouter({
  http: fromFetchHandler(respond),
  websocket: URLRouter({ "/ws": GalleryConsumer.asAsgi() }),
  channel: ChannelNameRouter({ "gallery-thumbnails": ThumbnailConsumer.asAsgi() }),
});

/** What the channels accept, for senders: `getChannelLayer<Channels>()`. */
export type Channels = ChannelsOf<typeof application>;
