/**
 * The channel layer within one process, for tests: `@asgi/channels/layers/memory`.
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
import type { ChannelLayerOptions } from "../options.ts";
import { msgpackCodec } from "../messages/msgpack.ts";
import { layerSettings } from "../settings.ts";
import { MemoryStore } from "./store.ts";

/**
 * A channel layer in the memory of one process, for tests and for programs that consist of one process.
 * It validates and encodes messages like the other layers.
 */
export class MemoryChannelLayer extends BaseChannelLayer {
  /**
   * Creates an empty layer. Two layers share nothing.
   *
   * @param options The options of every layer.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: ChannelLayerOptions = {}) {
    const settings = layerSettings(options);
    super({ store: new MemoryStore(settings), codec: msgpackCodec, name: "memory:" }, settings);
  }
}
