import "./layers.ts";
import { AsyncConsumer, ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels";

class ThumbnailConsumer extends AsyncConsumer {
  async generate(event: { type: string; id: number }) {
    // Whatever takes its time, and then:
    await this.channelLayer.send("photos", { type: "thumbnail.ready", id: event.id });
  }
}

export const application = ProtocolTypeRouter({
  channel: ChannelNameRouter({ "thumbnails-generate": ThumbnailConsumer.asAsgi() }),
});
