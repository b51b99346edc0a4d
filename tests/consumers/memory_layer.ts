import { assertStrictEquals } from "@std/assert";
import {
  type ChannelLayer,
  closeChannelLayers,
  configureChannelLayers,
  getChannelLayer,
  MemoryChannelLayer,
} from "@asgi/channels";

/** The default layer of a test: what was configured is taken back at the end. */
export interface TestLayer extends AsyncDisposable {
  readonly layer: ChannelLayer;
}

/** Makes a layer in memory the default one, by itself or in something around it. */
export function useMemoryLayer(
  around: (layer: ChannelLayer) => ChannelLayer = (layer) => layer,
): TestLayer {
  const layer = around(new MemoryChannelLayer());
  configureChannelLayers({ default: layer });
  assertStrictEquals(getChannelLayer(), layer, "These tests need CHANNEL_LAYER_URL to be unset");
  return {
    layer,
    async [Symbol.asyncDispose]() {
      await closeChannelLayers();
      configureChannelLayers({});
    },
  };
}
