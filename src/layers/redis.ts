/**
 * The layer of many machines, over Redis: `@asgi/channels/layers/redis`.
 *
 * On the wire it is the one of Python's `channels_redis`, so that a Django site can send to a Deno
 * worker and back.
 *
 * ```ts
 * import { RedisChannelLayer } from "@asgi/channels/layers/redis";
 *
 * export async function generateThumbnail(id: number): Promise<void> {
 *   await using layer = new RedisChannelLayer({ url: "redis://127.0.0.1:6379" });
 *   await layer.send("thumbnails-generate", { type: "generate", id });
 * }
 * ```
 *
 * @module
 */
import { BaseChannelLayer } from "./base_layer.ts";
import type { ChannelLayerOptions } from "./channel_layer.ts";
import { msgpackCodec } from "./msgpack.ts";
import { layerSettings } from "./options.ts";
import { RedisStore } from "./redis/redis_store.ts";

/** Options of {@linkcode RedisChannelLayer}. */
export interface RedisChannelLayerOptions extends ChannelLayerOptions {
  /**
   * Where the server is: `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, `rediss://` with TLS, or
   * `unix://PATH`.
   *
   * @default {"redis://127.0.0.1:6379"}
   */
  readonly url?: string;
}

/** Keeps messages in Redis, in the form of Python's `channels_redis.core.RedisChannelLayer`. */
export class RedisChannelLayer extends BaseChannelLayer {
  /**
   * Makes the layer; it connects when it is first used.
   *
   * @param options See {@linkcode RedisChannelLayerOptions}.
   * @throws {RangeError | TypeError} When an option makes no sense.
   */
  constructor(options: RedisChannelLayerOptions = {}) {
    const { url = "redis://127.0.0.1:6379" } = options;
    const name = withoutSecrets(url);
    const settings = layerSettings(options);
    super({ store: new RedisStore(url, name, settings), codec: msgpackCodec, name }, settings);
  }
}

/** @throws {TypeError} When it is no URL of a Redis. */
function withoutSecrets(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !["redis:", "rediss:", "unix:"].includes(parsed.protocol)) {
    throw new TypeError(
      `url must start with redis://, rediss:// or unix://: ${url.split("//")[0]}`,
    );
  }
  if (parsed.password) parsed.password = "***";
  return parsed.href;
}
