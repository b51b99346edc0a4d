import type { ChannelLayer } from "./channel_layer.ts";
import { MemoryChannelLayer } from "./memory/mod.ts";
import { RedisChannelLayer } from "./redis/mod.ts";
import { REDIS_SCHEMES } from "./redis/url.ts";
import { SqliteChannelLayer } from "./sqlite/mod.ts";
import { optionsIn, unknown, URL_OPTIONS } from "./url_options.ts";

/** Creates a layer from a URL of its scheme. */
type CreateLayer = (url: string) => ChannelLayer;

const SCHEMES: ReadonlyMap<string, CreateLayer> = new Map<string, CreateLayer>([
  ["memory", (url) => new MemoryChannelLayer(split(url).options)],
  ["sqlite", (url) => {
    const { address, options } = split(url);
    return new SqliteChannelLayer({ ...options, ...pathOf(address) });
  }],
  ...REDIS_SCHEMES.map((scheme): [string, CreateLayer] => [
    scheme,
    (url) => new RedisChannelLayer({ url }),
  ]),
]);

/** Returns whether a text is the URL of a layer, with a known or unknown scheme, and not an alias. */
export function isLayerUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text);
}

/**
 * Creates a layer from its URL.
 *
 * @param url `memory:`, `sqlite:PATH`, `redis://`, `rediss://`, `unix://PATH`, `redis+sentinel://` or
 * `redis+cluster://`, with options in the query: `?prefix=x&capacity=1000`.
 * @throws {TypeError | RangeError} If the scheme or an option is unknown, or a value is invalid. No error
 * quotes text that may be part of a password.
 */
export function layerFromUrl(url: string): ChannelLayer {
  const [, scheme] = /^([^:?]*):/.exec(url) ?? [];
  const create = SCHEMES.get(scheme ?? "");
  if (create) return create(url);
  throw unknown("scheme", shown(scheme ?? url), [...SCHEMES.keys()]);
}

/** Hides what may be part of a password. */
function shown(scheme: string): string {
  return /^[\w+.-]*$/.test(scheme) ? `"${scheme}"` : "(not shown)";
}

function split(url: string): { readonly address: string; readonly options: object } {
  const at = url.indexOf("?");
  if (at === -1) return { address: url, options: {} };
  return { address: url.slice(0, at), options: optionsIn(url.slice(at + 1), URL_OPTIONS) };
}

/** Returns the path of `sqlite:PATH`, without any encoding, or of `sqlite:///absolute/path`. */
function pathOf(url: string): { readonly path?: string } {
  const path = url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
  return path === "" ? {} : { path };
}
