import type { ChannelLayer } from "./channel_layer.ts";
import { MemoryChannelLayer } from "./memory/mod.ts";
import { RedisChannelLayer } from "./redis/mod.ts";
import { REDIS_SCHEMES } from "./redis/url.ts";
import { SqliteChannelLayer } from "./sqlite/mod.ts";
import { optionsIn, unknown, URL_OPTIONS } from "./url_options.ts";

/** Makes the layer that a URL of its scheme names. */
type Make = (url: string) => ChannelLayer;

const SCHEMES: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["memory", (url) => new MemoryChannelLayer(split(url).options)],
  ["sqlite", (url) => {
    const { address, options } = split(url);
    return new SqliteChannelLayer({ ...options, path: pathOf(address) });
  }],
  ...REDIS_SCHEMES.map((scheme): [string, Make] => [
    scheme,
    (url) => new RedisChannelLayer({ url }),
  ]),
]);

/**
 * Whether a text is the URL of a layer, rather than an alias.
 *
 * @param text What somebody gave.
 * @returns Whether it has a scheme, known or not.
 */
export function isLayerUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text);
}

/**
 * Makes the layer that a URL names.
 *
 * @param url `memory:`, `sqlite:PATH`, `redis://`, `rediss://`, `unix://PATH`, `redis+sentinel://` or
 * `redis+cluster://`, with options as query: `?prefix=x&capacity=1000`.
 * @throws {TypeError | RangeError} If the scheme or an option is not known, or has an invalid value.
 * No error quotes what may be a part of a password.
 */
export function layerFromUrl(url: string): ChannelLayer {
  const [, scheme] = /^([^:?]*):/.exec(url) ?? [];
  const make = SCHEMES.get(scheme ?? "");
  if (make) return make(url);
  throw unknown("scheme", shown(scheme ?? url), [...SCHEMES.keys()]);
}

/** What is no word may be a URL whose password was mistaken for something else. */
function shown(scheme: string): string {
  return /^[\w+.-]*$/.test(scheme) ? `"${scheme}"` : "(not shown)";
}

function split(url: string): { readonly address: string; readonly options: object } {
  const at = url.indexOf("?");
  if (at === -1) return { address: url, options: {} };
  return { address: url.slice(0, at), options: optionsIn(url.slice(at + 1), URL_OPTIONS) };
}

/** `sqlite:` takes a path as it stands; `sqlite:///absolute/path` is understood too. */
function pathOf(url: string): string {
  const path = url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
  return path || ".channels.sqlite3";
}
