/**
 * Channel layers, which carry messages between processes: the contract, the backends, the registry of
 * configured layers, and what authors of backends need.
 *
 * ```ts
 * import { configureChannelLayers, getChannelLayer } from "@asgi/channels/layers";
 *
 * configureChannelLayers({ default: "memory:?capacity=1000" });
 * await using layer = getChannelLayer();
 * await layer.send("letters", { type: "letter.sent", text: "Hello" });
 * ```
 *
 * @module
 */
export { BaseChannelLayer, type BaseLayerParts } from "./base_layer.ts";
export type {
  ChannelLayer,
  Delivery,
  ReceiveManyOptions,
  ReceiveOptions,
  SendOptions,
  SubscribeOptions,
  Subscription,
} from "./channel_layer.ts";
export type { ChannelInspection, LayerInspection, ServerInspection } from "./inspection.ts";
export type { Cipher, MessageCodec } from "./messages/codec.ts";
export { MemoryChannelLayer } from "./memory/mod.ts";
export { msgpackCodec } from "./messages/msgpack.ts";
export { type LayerSettings, layerSettings } from "./settings.ts";
export {
  type HostChange,
  RedisChannelLayer,
  type RedisChannelLayerOptions,
  type RedisSentinelHost,
  type RedisTlsOptions,
} from "./redis/mod.ts";
export type { ChannelCapacity, ChannelLayerOptions, Drop } from "./options.ts";
export {
  type ChannelLayerConfiguration,
  closeChannelLayers,
  configureChannelLayers,
  getChannelLayer,
} from "./registry.ts";
export { SqliteChannelLayer, type SqliteChannelLayerOptions } from "./sqlite/mod.ts";
export type {
  AddressedBody,
  Batch,
  KeyInspection,
  PollLimits,
  Source,
  Store,
  StoredBody,
} from "./store.ts";
