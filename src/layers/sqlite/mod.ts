/**
 * The channel layer for the processes of one machine, which share a SQLite file and need no server:
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
import type { ChannelLayerOptions } from "../options.ts";
import { msgpackCodec } from "../messages/msgpack.ts";
import { layerSettings } from "../settings.ts";
import { SqliteStore } from "./store.ts";

/** Options for {@linkcode SqliteChannelLayer}. */
export interface SqliteChannelLayerOptions extends ChannelLayerOptions {
  /**
   * The path of the file, relative to the current directory. Processes that use the same file share the
   * layer. If the file does not exist, it is created, readable only for its owner.
   *
   * @default {".channels.sqlite3"}
   */
  readonly path?: string;
}

/**
 * A channel layer in a SQLite file, for many processes on one machine. Messages survive a restart of the
 * processes; a power cut may damage the file.
 */
export class SqliteChannelLayer extends BaseChannelLayer {
  /**
   * Creates a layer. The file is opened on first use.
   *
   * @param options The path of the file, and the options of every layer.
   * @throws {RangeError | TypeError} If an option is invalid.
   */
  constructor(options: SqliteChannelLayerOptions = {}) {
    const path = absolutePath(options.path ?? ".channels.sqlite3");
    const settings = layerSettings(options);
    const name = `sqlite:${path}`;
    super({ store: new SqliteStore(path, name, settings), codec: msgpackCodec, name }, settings);
  }
}

/** Returns a path that does not depend on the current directory. */
function absolutePath(path: unknown): string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new TypeError(
      `path must name a file that processes can share, got ${JSON.stringify(path)}`,
    );
  }
  if (/^(file)?:/i.test(path)) {
    throw new TypeError(
      `path must name a file that processes can share, got ${JSON.stringify(path)}: ` +
        "URIs and in-memory databases are not supported; use MemoryChannelLayer for one process",
    );
  }
  return resolve(path);
}
