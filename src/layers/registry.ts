import type { AnyChannels } from "../protocol/mod.ts";
import type { ChannelLayer } from "./channel_layer.ts";
import { layerFromUrl } from "./layer_url.ts";

/** Layers by alias: each is a URL or a layer object. */
export type ChannelLayerConfiguration = Readonly<Record<string, string | ChannelLayer>>;

/** The default layer if nothing is configured: the default file of `SqliteChannelLayer`. */
const EMBEDDED = "sqlite:";

/** The environment variable with the URL of the default layer. */
const VARIABLE = "CHANNEL_LAYER_URL";

const configured = new Map<string, string | ChannelLayer>();
const created = new Map<string, ChannelLayer>();
let override: string | undefined;

/**
 * Configures the layers of this process for {@linkcode getChannelLayer}, and replaces an earlier
 * configuration. Nothing is opened yet.
 *
 * @param layers The layers by alias; consumers use `default`.
 *
 * @example Usage
 * ```ts
 * import { configureChannelLayers, MemoryChannelLayer } from "@asgi/channels";
 *
 * configureChannelLayers({
 *   default: "redis://127.0.0.1:6379",
 *   other: new MemoryChannelLayer({ capacity: 1000 }),
 * });
 * ```
 */
export function configureChannelLayers(layers: ChannelLayerConfiguration): void {
  configured.clear();
  created.clear();
  for (const [alias, layer] of Object.entries(layers)) configured.set(alias, layer);
}

/**
 * Returns the layer of an alias, which is created on first use.
 *
 * The default layer is, in order of precedence: the `--layer` option of the command line, the environment
 * variable `CHANNEL_LAYER_URL` if the program may read it, the `default` of
 * {@linkcode configureChannelLayers}, and `sqlite:.channels.sqlite3`.
 *
 * @typeParam C The channels that can be sent to, such as `ChannelsOf<typeof application>`. By default, any.
 * @typeParam G The groups that can be sent to. By default, any.
 * @param alias The alias; `"default"` by default.
 * @returns The layer: the same object at each call, until `closeChannelLayers()`.
 * @throws {TypeError} If no layer has the alias, or its URL is invalid.
 * @throws {RangeError} If an option in the URL is out of range.
 */
export function getChannelLayer<C = AnyChannels, G = AnyChannels>(
  alias = "default",
): ChannelLayer<C, G> {
  const known = created.get(alias);
  if (known) return known as ChannelLayer<C, G>;
  const source = alias === "default" ? defaultSource() : configured.get(alias);
  if (source === undefined) {
    const aliases = [...new Set(["default", ...configured.keys()])].join(", ");
    throw new TypeError(`No channel layer has the alias ${shown(alias)}: known are ${aliases}`);
  }
  const layer = typeof source === "string" ? layerFromUrl(source) : source;
  created.set(alias, layer);
  return layer as ChannelLayer<C, G>;
}

/**
 * Sets the URL of the default layer, with precedence over the environment variable and
 * {@linkcode configureChannelLayers}: for the `--layer` option of the command line.
 *
 * @param url The URL, or `undefined` to remove it.
 */
export function overrideDefaultChannelLayer(url: string | undefined): void {
  override = url;
  created.delete("default");
}

/** Closes all layers that {@linkcode getChannelLayer} has returned. Its next call creates new ones. */
export async function closeChannelLayers(): Promise<void> {
  const layers = [...created.values()];
  created.clear();
  await Promise.all(layers.map((layer) => layer.close()));
}

function defaultSource(): string | ChannelLayer {
  return override ?? fromEnvironment(VARIABLE) ?? configured.get("default") ?? EMBEDDED;
}

/** Hides what looks like a URL, since it may contain a password. */
function shown(alias: string): string {
  return /[@/:]/.test(alias) ? "(not shown; a layer's URL is SCHEME:...)" : JSON.stringify(alias);
}

/** Returns an environment variable; `undefined` if it is empty, or the program may not read it. */
export function fromEnvironment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}
