/**
 * The layer of many machines, over Redis: `@asgi/channels/layers/redis`.
 *
 * On the wire it is the one of Python's `channels_redis`, so that a Django site can send to a Deno
 * worker and back. It runs on one Redis, several that know nothing of each other, one that Sentinels
 * watch, or a Redis Cluster.
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
import { LayerUnavailableError } from "../../errors.ts";
import { BaseChannelLayer } from "../base_layer.ts";
import type { ChannelLayerOptions } from "../channel_layer.ts";
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
import { Host, type HostChange } from "./topology/host.ts";
import { ShardedStore } from "./topology/sharded_store.ts";
import { checkClusterPrefix } from "./wire_format.ts";
import { RedisStore } from "./store.ts";
import { addressesOf, splitRedisUrl } from "./url.ts";
import type { Store } from "../store.ts";
import { optionsIn, REDIS_URL_OPTIONS } from "../url_options.ts";
import { warn } from "../warnings.ts";

export type { HostChange, RedisSentinelHost, RedisTlsOptions };

/** Options of {@linkcode RedisChannelLayer}. */
export interface RedisChannelLayerOptions extends ChannelLayerOptions {
  /**
   * Where Redis is. Several hosts are separated by commas.
   *
   * - `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` with TLS
   * - `unix://[USER:PASSWORD@]/PATH`
   * - `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/MASTER[/DATABASE]`, or
   *   `rediss+sentinel://`
   * - `redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]`, or `rediss+cluster://`
   *
   * Options may be in its query, as in every URL of a layer: `?prefix=x&capacity=1000`. An option
   * that is given here as well is an error.
   *
   * @default {"redis://127.0.0.1:6379"}
   */
  readonly url?: string;
  /** The same as a list, as `"hosts"` of channels_redis: in the same order on both sides. */
  readonly hosts?: readonly (string | RedisSentinelHost)[];
  /** How to speak TLS, where the certificates aren't signed by a well-known authority. */
  readonly tls?: RedisTlsOptions;
  /**
   * How messages become bytes; `"json"` carries no `Uint8Array`. It has to be the same on all sides.
   *
   * @default {"msgpack"}
   */
  readonly serializer?: "msgpack" | "json";
  /**
   * Passwords for encrypting what travels: the first one encrypts, all of them decrypt. They have to
   * be the same on all sides.
   */
  readonly symmetricEncryptionKeys?: readonly string[];
  /**
   * Called when one of several hosts is lost, and when it is back: the others go on meanwhile.
   * By default it is a warning of the process, on standard error.
   */
  readonly onHostChange?: (change: HostChange) => void;
}

/** Keeps messages in Redis, in the form of Python's `channels_redis.core.RedisChannelLayer`. */
export class RedisChannelLayer extends BaseChannelLayer {
  /**
   * Makes the layer; it connects when it is first used.
   *
   * @param given See {@linkcode RedisChannelLayerOptions}.
   * @throws {RangeError | TypeError} If an option is invalid, or given twice: here and in the URL.
   * @throws {LayerConfigurationError} If a file that the URL names may not be read.
   */
  constructor(given: RedisChannelLayerOptions = {}) {
    const options = withUrlOptions(given);
    const { symmetricEncryptionKeys: keys = [], serializer = "msgpack" } = options;
    const settings = layerSettings(options);
    const addresses = addressesFrom(options);
    if (addresses.some(({ kind }) => kind === "cluster")) checkClusterPrefix(settings.prefix);
    const parts = {
      store: storeAt(addresses, settings, options.onHostChange ?? warnOfChange),
      codec: codecOf(serializer),
      name: addresses.map(({ name }) => name).join(", "),
      ...keys.length > 0 && { cipher: fernetCipher(keys, settings.expiry) },
    };
    super(parts, settings);
  }
}

/** @throws {TypeError} If an option is given twice. */
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
    throw new TypeError(`${twice} is in the URL and among the options: remove one of them`);
  }
}

/** @throws {TypeError} If there is no such place. */
function addressesFrom({ url, hosts, tls = {} }: RedisChannelLayerOptions): Address[] {
  if (url !== undefined && hosts !== undefined) throw new TypeError("Give either url or hosts");
  if (hosts?.length === 0) throw new TypeError("hosts must name one host at least");
  const addresses = (hosts ?? [url ?? "redis://127.0.0.1:6379"]).flatMap((host) =>
    typeof host === "string" ? addressesOf(host, tls) : [sentinelAddress(host, tls)]
  );
  if (addresses.length > 1 && addresses.some(({ kind }) => kind === "cluster")) {
    throw new TypeError("A Redis Cluster can't be one of several hosts: it is all of them");
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
  throw new TypeError(`serializer must be "msgpack" or "json": ${serializer}`);
}

function warnOfChange({ host, isReachable, error }: HostChange): void {
  const reason = error instanceof LayerUnavailableError ? error.reason : error?.message;
  if (isReachable) warn(`${host} is back`);
  else warn(`Lost ${host}, and going on with the other hosts: ${reason}`);
}
