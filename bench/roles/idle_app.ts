/**
 * The app whose start-up is measured.
 *
 * @module
 */
import { AsyncConsumer, ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels";

class IdleConsumer extends AsyncConsumer {
  bench_count(): Promise<void> {
    return Promise.resolve();
  }
}

/** What `runworker bench` runs. */
export const application = ProtocolTypeRouter({
  channel: ChannelNameRouter({ bench: IdleConsumer.asAsgi() }),
});
