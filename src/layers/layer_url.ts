import { readFileSync } from "node:fs";
import type { ChannelLayer } from "./channel_layer.ts";
import { MemoryChannelLayer } from "./memory.ts";
import { RedisChannelLayer, type RedisTlsOptions } from "./redis.ts";
import { REDIS_SCHEMES } from "./redis/redis_url.ts";
import { SqliteChannelLayer } from "./sqlite.ts";

/** Reads an option from the values that a query has for it; most have one. */
type OptionReader = (texts: readonly string[]) => object;

/** What a scheme's URL makes. */
interface Scheme {
  readonly options: ReadonlyMap<string, OptionReader>;
  /** Takes the URL without its query. */
  readonly make: (url: string, options: object) => ChannelLayer;
}

const OPTIONS = new Map<string, OptionReader>([
  ["capacity", (texts) => ({ capacity: toNumber("capacity", texts) })],
  ["expiry", (texts) => ({ expiry: toNumber("expiry", texts) })],
  ["groupExpiry", (texts) => ({ groupExpiry: toNumber("groupExpiry", texts) })],
  ["prefix", ([prefix]) => ({ prefix })],
]);

const REDIS_OPTIONS = new Map<string, OptionReader>([
  ...OPTIONS,
  ...["ca", "cert", "key"].map((name): [string, OptionReader] => [
    name,
    ([path = ""]) => ({ [name]: readPem(name, path) }),
  ]),
  ["serializer", ([serializer]) => ({ serializer })],
  ["symmetricEncryptionKeys", (texts) => ({ symmetricEncryptionKeys: texts })],
]);

const redis: Scheme = {
  options: REDIS_OPTIONS,
  make: (url, { ca, cert, key, ...options }: RedisTlsOptions) =>
    new RedisChannelLayer({
      ...options,
      url,
      tls: { ...ca && { ca }, ...cert && { cert }, ...key && { key } },
    }),
};

const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ["memory", { options: OPTIONS, make: (_url, options) => new MemoryChannelLayer(options) }],
  ["sqlite", {
    options: OPTIONS,
    make: (url, options) => new SqliteChannelLayer({ ...options, path: pathOf(url) }),
  }],
  ...REDIS_SCHEMES.map((scheme): [string, Scheme] => [scheme, redis]),
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
 * @throws {TypeError | RangeError} When the scheme or an option is not known, or has no good value.
 */
export function layerFromUrl(url: string): ChannelLayer {
  const [address = "", query = ""] = splitOnce(url, "?");
  const name = address.slice(0, Math.max(0, address.indexOf(":")));
  const scheme = SCHEMES.get(name);
  if (!scheme) throw unknown("scheme", name || address, [...SCHEMES.keys()]);
  return scheme.make(address, optionsOf(query, scheme.options));
}

function optionsOf(query: string, known: Scheme["options"]): object {
  const params = new URLSearchParams(query);
  const options = {};
  for (const name of new Set(params.keys())) {
    const read = known.get(name);
    if (!read) throw unknown("option", name, [...known.keys()]);
    Object.assign(options, read(params.getAll(name)));
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

/** @throws {TypeError} When there is no such file. */
function readPem(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    throw new TypeError(`Layer URL names a file that doesn't exist as ${name}: ${path}`);
  }
}

/** The last of several values counts. */
function toNumber(name: string, texts: readonly string[]): number {
  const text = texts.at(-1) ?? "";
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new TypeError(`Layer URL needs a number as ${name}: ${JSON.stringify(text)}`);
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
