import type { ChannelLayer, ChannelLayerOptions } from "@asgi/channels";
import type { LayerBackend } from "@asgi/channels/testing/conformance";

/**
 * Makes a backend for the conformance suite.
 *
 * @param make Makes one layer.
 * @param place What the layers share; it goes after they have closed.
 */
export function backendOf(
  make: (options?: ChannelLayerOptions) => ChannelLayer,
  place?: AsyncDisposable,
): LayerBackend {
  const layers: ChannelLayer[] = [];
  return {
    connect(options) {
      const layer = make(options);
      layers.push(layer);
      return layer;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(layers.map((layer) => layer.close()));
      await place?.[Symbol.asyncDispose]();
    },
  };
}

/** What Redis can't promise: its keys are those of channels_redis, a prefix in front of a name. */
export const AMBIGUOUS_PREFIXES: Readonly<Record<string, string>> = {
  "prefix separates layers even if one prefix is the beginning of the other":
    "keys are those of channels_redis",
};
