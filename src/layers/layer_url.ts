import type { ChannelLayer, ChannelLayerOptions } from "./channel_layer.ts";
import { MemoryChannelLayer } from "./memory.ts";
import { RedisChannelLayer } from "./redis.ts";
import { SqliteChannelLayer } from "./sqlite.ts";

type Options = { -readonly [K in keyof ChannelLayerOptions]: ChannelLayerOptions[K] };

/** What makes the layer of each URL scheme, from the URL without the options in its query. */
const SCHEMES = new Map<string, (url: string, options: Options) => ChannelLayer>([
  ["memory", (_url, options) => new MemoryChannelLayer(options)],
  ["sqlite", (url, options) => new SqliteChannelLayer({ ...options, path: pathOf(url) })],
  ["redis", (url, options) => new RedisChannelLayer({ ...options, url })],
  ["rediss", (url, options) => new RedisChannelLayer({ ...options, url })],
  ["unix", (url, options) => new RedisChannelLayer({ ...options, url })],
]);

/** How each option is read from a query. */
const OPTIONS = new Map<string, (text: string) => Options>([
  ["capacity", (text) => ({ capacity: toNumber("capacity", text) })],
  ["expiry", (text) => ({ expiry: toNumber("expiry", text) })],
  ["groupExpiry", (text) => ({ groupExpiry: toNumber("groupExpiry", text) })],
  ["prefix", (text) => ({ prefix: text })],
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
 * @param url `memory:`, `sqlite:PATH`, `redis://`, `rediss://` or `unix://PATH`, with options as
 * query: `?prefix=x&capacity=1000`.
 * @throws {TypeError | RangeError} When the scheme or an option is not known, or has no good value.
 */
export function layerFromUrl(url: string): ChannelLayer {
  const [address = "", query = ""] = splitOnce(url, "?");
  const scheme = address.slice(0, Math.max(0, address.indexOf(":")));
  const make = SCHEMES.get(scheme);
  if (!make) throw unknown("scheme", scheme || address, [...SCHEMES.keys()]);
  return make(address, optionsOf(query));
}

function optionsOf(query: string): Options {
  const options: Options = {};
  for (const [name, text] of new URLSearchParams(query)) {
    const read = OPTIONS.get(name);
    if (!read) throw unknown("option", name, [...OPTIONS.keys()]);
    Object.assign(options, read(text));
  }
  return options;
}

function unknown(what: string, name: string, known: readonly string[]): TypeError {
  return new TypeError(`Layer URL has an unknown ${what} "${name}": known are ${known.join(", ")}`);
}

/** `sqlite:` takes a path as it stands; `sqlite:///absolute/path` is understood too. */
function pathOf(url: string): string {
  const path = url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
  return path || ".channels.sqlite3";
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new TypeError(`Layer URL needs a number as ${name}: ${JSON.stringify(text)}`);
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
