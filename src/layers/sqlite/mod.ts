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
import { resolve } from "node:path";
import { BaseChannelLayer } from "../base_layer.ts";
import type { ChannelLayerOptions } from "../channel_layer.ts";
import { msgpackCodec } from "../messages/msgpack.ts";
import { layerSettings } from "../settings.ts";
import { SqliteStore } from "./store.ts";

/** Options of {@linkcode SqliteChannelLayer}. */
export interface SqliteChannelLayerOptions extends ChannelLayerOptions {
  /**
   * The file; it is created if it doesn't exist, readable for its owner only. Processes that name
   * the same file share the layer. A relative path starts at the current directory.
   *
   * @default {".channels.sqlite3"}
   */
  readonly path?: string;
}

/** Keeps messages in a SQLite file that the processes of one machine share. */
export class SqliteChannelLayer extends BaseChannelLayer {
  /**
   * Creates the layer; the file is opened when it is first used.
   *
   * @param options See {@linkcode SqliteChannelLayerOptions}.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: SqliteChannelLayerOptions = {}) {
    const path = absolutePath(options.path ?? ".channels.sqlite3");
    const settings = layerSettings(options);
    const name = `sqlite:${path}`;
    super({ store: new SqliteStore(path, name, settings), codec: msgpackCodec, name }, settings);
  }
}

/** A path that stays the same when the process changes its current directory. */
function absolutePath(path: unknown): string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError(`path must name a file that processes can share: ${JSON.stringify(path)}`);
  }
  if (/^(file)?:/i.test(path)) {
    throw new TypeError(
      `path must name a file that processes can share, got ${JSON.stringify(path)}: ` +
        "URIs and in-memory databases are not supported; use MemoryChannelLayer for one process",
    );
  }
  return resolve(path);
}
