/**
 * Generates thumbnails in the background: `runworker thumbnails-generate thumbnails-delete` runs this
 * app in this repository.
 *
 * @module
 */
import { ChannelNameRouter, type ChannelsOf, ProtocolTypeRouter } from "@asgi/channels";
import { DeleteConsumer, GenerateConsumer } from "./consumers.ts";
import { PaletteConsumer } from "./palette.ts";

/** Selects the consumer by the name of the channel. */
export const application = ProtocolTypeRouter({
  channel: ChannelNameRouter({
    "thumbnails-generate": GenerateConsumer.asAsgi(),
    "thumbnails-delete": DeleteConsumer.asAsgi(),
    "thumbnails-palette": PaletteConsumer.asAsgi(),
  }),
});

/** What the channels accept, for senders: `getChannelLayer<Channels>()`. */
export type Channels = ChannelsOf<typeof application>;
