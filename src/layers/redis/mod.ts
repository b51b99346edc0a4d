/**
 * The channel layer for several machines, over Redis: `@asgi/channels/layers/redis`.
 *
 * It uses the wire format of Python's `channels_redis`, so that a Django site and a Deno worker can
 * send to each other. It supports a single Redis, several independent ones, Redis Sentinel, and
 * Redis Cluster.
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
import { BaseChannelLayer } from "../base_layer.ts";
import type { ChannelLayerOptions } from "../options.ts";
import { fernetCipher } from "../messages/fernet.ts";
import { jsonCodec } from "../messages/json.ts";
import { msgpackCodec } from "../messages/msgpack.ts";
import { type LayerSettings, layerSettings } from "../settings.ts";
import {
  type Address,
  type RedisSentinelHost,
  type RedisTlsOptions,
  sentinelAddress,
} from "./address.ts";
import { shortReason } from "./connection/failures.ts";
import { Host, type HostChange } from "./topology/host.ts";
import { ShardedStore } from "./topology/sharded_store.ts";
import { checkClusterPrefix } from "./wire_format.ts";
import { RedisStore } from "./store.ts";
import { addressesOf, splitRedisUrl } from "./url.ts";
import type { Store } from "../store.ts";
import { optionsIn, REDIS_URL_OPTIONS } from "../url_options.ts";
import { warn } from "../warnings.ts";

export type { HostChange, RedisSentinelHost, RedisTlsOptions };

/** Options for {@linkcode RedisChannelLayer}. */
export interface RedisChannelLayerOptions extends ChannelLayerOptions {
  /**
   * The URL of Redis. Several hosts are separated by commas.
   *
   * - `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` with TLS
   * - `unix://[USER:PASSWORD@]/PATH`
   * - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/MASTER[/DATABASE]`, or
   *   `rediss+sentinel://`
   * - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]`, or `rediss+cluster://`
   *
   * The query may contain options, as in the URL of every layer: `?prefix=x&capacity=1000`. An
   * option must not be given both there and here.
   *
   * @default {"redis://127.0.0.1:6379"}
   */
  readonly url?: string;
  /** The hosts as a list, like `"hosts"` of channels_redis; all processes need the same order. */
  readonly hosts?: readonly (string | RedisSentinelHost)[];
  /** Certificates for TLS, if they are not signed by a well-known CA. */
  readonly tls?: RedisTlsOptions;
  /**
   * The encoding of messages; `"json"` does not support `Uint8Array`. All processes need the same
   * one.
   *
   * @default {"msgpack"}
   */
  readonly serializer?: "msgpack" | "json";
  /**
   * Passwords that encrypt messages: the first one encrypts, and all of them decrypt. All processes
   * need the same ones.
   */
  readonly symmetricEncryptionKeys?: readonly string[];
  /**
   * Called when the connection to one of several hosts is lost or restored; the other hosts keep
   * working in the meantime. The default writes a warning to the log of the worker, or else to
   * standard error.
   */
  readonly onHostChange?: (change: HostChange) => void;
}

/**
 * A channel layer over Redis, compatible with `channels_redis.core.RedisChannelLayer` of Python.
 */
export class RedisChannelLayer extends BaseChannelLayer {
  /**
   * Creates the layer; it connects on first use.
   *
   * @param given See {@linkcode RedisChannelLayerOptions}.
   * @throws {RangeError | TypeError} If an option is invalid, or given both here and in the URL.
   * @throws {LayerConfigurationError} If a file in the URL cannot be read.
   */
  constructor(given: RedisChannelLayerOptions = {}) {
    const options = withUrlOptions(given);
    const { symmetricEncryptionKeys: keys = [], serializer = "msgpack" } = options;
    const settings = layerSettings(options);
    const addresses = addressesFrom(options);
    if (addresses.some(({ kind }) => kind === "cluster")) checkClusterPrefix(settings.prefix);
    const parts = {
      store: storeAt(addresses, settings, options.onHostChange ?? hostWarnings()),
      codec: codecOf(serializer),
      name: addresses.map(({ name }) => name).join(", "),
      ...keys.length > 0 && { cipher: fernetCipher(keys, settings.expiry) },
    };
    super(parts, settings);
  }
}

/** @throws {TypeError} If an option is given both in the URL and in the options. */
function withUrlOptions(options: RedisChannelLayerOptions): RedisChannelLayerOptions {
  if (options.url === undefined) return options;
  const { address: url, query } = splitRedisUrl(options.url);
  const { ca, cert, key, ...others }: RedisTlsOptions = optionsIn(query, REDIS_URL_OPTIONS);
  const inUrl = { ...ca && { ca }, ...cert && { cert }, ...key && { key } };
  checkTwice({ ...options }, others);
  checkTwice({ ...options.tls }, inUrl);
  return { ...options, ...others, url, tls: { ...options.tls, ...inUrl } };
}

function checkTwice(options: Readonly<Record<string, unknown>>, inUrl: object): void {
  const twice = Object.keys(inUrl).find((name) => options[name] !== undefined);
  if (twice) {
    throw new TypeError(`${twice} is given both in the URL and in the options: remove one of them`);
  }
}

/** @throws {TypeError} If an address is invalid. */
function addressesFrom({ url, hosts, tls = {} }: RedisChannelLayerOptions): Address[] {
  if (url !== undefined && hosts !== undefined) {
    throw new TypeError("Specify either url or hosts, not both");
  }
  if (hosts?.length === 0) throw new TypeError("hosts must contain at least one host");
  const addresses = (hosts ?? [url ?? "redis://127.0.0.1:6379"]).flatMap((host) =>
    typeof host === "string" ? addressesOf(host, tls) : [sentinelAddress(host, tls)]
  );
  if (addresses.length > 1 && addresses.some(({ kind }) => kind === "cluster")) {
    throw new TypeError("A Redis Cluster cannot be one of several hosts: specify only its URL");
  }
  return addresses;
}

function storeAt(
  addresses: readonly Address[],
  settings: LayerSettings,
  onChange: (change: HostChange) => void,
): Store {
  const [first, ...others] = addresses;
  if (first && others.length === 0) return new RedisStore(first, settings);
  return new ShardedStore(addresses.map((address) => {
    return new Host({ name: address.name, store: new RedisStore(address, settings), onChange });
  }));
}

function codecOf(serializer: string) {
  if (serializer === "msgpack") return msgpackCodec;
  if (serializer === "json") return jsonCodec;
  throw new TypeError(`serializer must be "msgpack" or "json", got ${JSON.stringify(serializer)}`);
}

/** Creates the default `onHostChange`, which warns. */
function hostWarnings(): (change: HostChange) => void {
  const lostAt = new Map<string, number>();
  return ({ host, isReachable, error }) => {
    const now = performance.now();
    if (isReachable) {
      const elapsed = (now - (lostAt.get(host) ?? now)) / 1_000;
      return warn(`Reconnected to ${host} after ${elapsed.toFixed(1)} s`);
    }
    lostAt.set(host, now);
    warn(`Lost connection to ${host} (${shortReason(error)}); continuing with the remaining hosts`);
  };
}
