import type { ChannelLayer } from "@asgi/channels";

/** Waits until somebody has taken all that waits in a channel; it only looks, and takes nothing. */
export async function emptied(layer: ChannelLayer, channel: string): Promise<void> {
  for (;;) {
    const { channels } = await layer.inspect([channel]);
    if (channels[0]?.depth === 0) return;
  }
}
