/**
 * The layer of one process, for tests: `@asgi/channels/layers/memory`.
 *
 * ```ts
 * import { MemoryChannelLayer } from "@asgi/channels/layers/memory";
 *
 * await using layer = new MemoryChannelLayer();
 * await layer.send("letters", { type: "letter.sent", text: "Hello" });
 * const event = await layer.receive("letters");
 * console.log(event.text);
 * ```
 *
 * @module
 */
import { BaseChannelLayer } from "../base_layer.ts";
import type { ChannelLayerOptions } from "../channel_layer.ts";
import { MemoryStore } from "./store.ts";
import { msgpackCodec } from "../messages/msgpack.ts";
import { layerSettings } from "../settings.ts";

/**
 * Keeps messages in the memory of one process: for tests, and for programs of one process. It
 * encodes them as the other layers do, so what passes here passes there.
 */
export class MemoryChannelLayer extends BaseChannelLayer {
  /**
   * Makes an empty layer; two of them never see each other.
   *
   * @param options See {@linkcode ChannelLayerOptions}.
   * @throws {RangeError} When an option makes no sense.
   */
  constructor(options: ChannelLayerOptions = {}) {
    const settings = layerSettings(options);
    super({ store: new MemoryStore(settings), codec: msgpackCodec, name: "memory:" }, settings);
  }
}
