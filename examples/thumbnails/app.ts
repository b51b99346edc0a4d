/**
 * Makes thumbnails in the background: what `runworker thumbnails-generate thumbnails-delete` runs
 * in this repository.
 *
 * @module
 */
import { type Application, ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels";
import { DeleteConsumer, GenerateConsumer } from "./consumers.ts";
import { PaletteConsumer } from "./palette.ts";

/** Picks the consumer by the channel's name. */
export const application: Application = ProtocolTypeRouter({
  channel: ChannelNameRouter({
    "thumbnails-generate": GenerateConsumer.asAsgi(),
    "thumbnails-delete": DeleteConsumer.asAsgi(),
    "thumbnails-palette": PaletteConsumer.asAsgi(),
  }),
});
