/**
 * The layer of one machine: many processes share a SQLite file, and there is no server:
 * `@asgi/channels/layers/sqlite`.
 *
 * ```ts
 * import { SqliteChannelLayer } from "@asgi/channels/layers/sqlite";
 *
 * export async function generateThumbnail(id: number): Promise<void> {
 *   await using layer = new SqliteChannelLayer({ path: "events.sqlite3" });
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
import { SqliteStore } from "./sqlite/sqlite_store.ts";

/** Options of {@linkcode SqliteChannelLayer}. */
export interface SqliteChannelLayerOptions extends ChannelLayerOptions {
  /**
   * The file; it is made when it doesn't exist. Processes that name the same file share the layer.
   *
   * @default {".channels.sqlite3"}
   */
  readonly path?: string;
}

/** Keeps messages in a SQLite file that the processes of one machine share. */
export class SqliteChannelLayer extends BaseChannelLayer {
  /**
   * Makes the layer; the file is opened when it is first used.
   *
   * @param options See {@linkcode SqliteChannelLayerOptions}.
   * @throws {RangeError | TypeError} When an option makes no sense.
   */
  constructor(options: SqliteChannelLayerOptions = {}) {
    const { path = ".channels.sqlite3" } = options;
    if (typeof path !== "string" || path === "" || path.startsWith(":")) {
      throw new TypeError(
        `path must name a file that processes can share: ${JSON.stringify(path)}`,
      );
    }
    const settings = layerSettings(options);
    const name = `sqlite:${path}`;
    super({ store: new SqliteStore(path, name, settings), codec: msgpackCodec, name }, settings);
  }
}
