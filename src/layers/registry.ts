import type { ChannelLayer } from "./channel_layer.ts";
import { layerFromUrl } from "./layer_url.ts";

/** Layers by alias: each a URL, or a layer that was made already. */
export type ChannelLayerConfiguration = Readonly<Record<string, string | ChannelLayer>>;

/** The default layer when nothing else is said: a file in the current folder. */
const EMBEDDED = "sqlite:.channels.sqlite3";

/** The environment's word for the default layer. */
const VARIABLE = "CHANNEL_LAYER_URL";

const configured = new Map<string, string | ChannelLayer>();
const made = new Map<string, ChannelLayer>();
let override: string | undefined;

/**
 * Names the layers of this process, for {@linkcode getChannelLayer}; it replaces what was
 * configured before. Nothing is opened yet.
 *
 * @param layers Layers by alias; `default` is the one that consumers use.
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
  made.clear();
  for (const [alias, layer] of Object.entries(layers)) configured.set(alias, layer);
}

/**
 * Gives the layer of an alias; it is made when it is first asked for.
 *
 * For `default` alone, the strongest of these counts: what the command line said (`--layer`), the
 * environment's `CHANNEL_LAYER_URL`, {@linkcode configureChannelLayers}, and else the embedded
 * `sqlite:.channels.sqlite3`.
 *
 * @param alias The alias; `"default"` by default.
 * @returns The layer, always the same one.
 * @throws {TypeError} When no layer has that alias, or its URL makes no sense.
 */
export function getChannelLayer(alias = "default"): ChannelLayer {
  const known = made.get(alias);
  if (known) return known;
  const source = alias === "default" ? defaultSource() : configured.get(alias);
  if (source === undefined) {
    const aliases = [...new Set(["default", ...configured.keys()])].join(", ");
    throw new TypeError(`No channel layer has the alias ${shown(alias)}: known are ${aliases}`);
  }
  const layer = typeof source === "string" ? layerFromUrl(source) : source;
  made.set(alias, layer);
  return layer;
}

/**
 * Names the default layer, stronger than the environment and than
 * {@linkcode configureChannelLayers}: what a command line does that has been told a layer.
 *
 * @param url The layer's URL, or `undefined` to take it back.
 */
export function overrideDefaultChannelLayer(url: string | undefined): void {
  override = url;
  made.delete("default");
}

/** Closes every layer that {@linkcode getChannelLayer} has given; the next call makes new ones. */
export async function closeChannelLayers(): Promise<void> {
  const layers = [...made.values()];
  made.clear();
  await Promise.all(layers.map((layer) => layer.close()));
}

function defaultSource(): string | ChannelLayer {
  return override ?? fromEnvironment() ?? configured.get("default") ?? EMBEDDED;
}

/** What looks like a URL may hold a password. */
function shown(alias: string): string {
  return /[@/:]/.test(alias) ? "(not shown; a layer's URL is SCHEME:...)" : JSON.stringify(alias);
}

/** Doesn't ask for a permission that the program wasn't given: then the environment says nothing. */
function fromEnvironment(): string | undefined {
  const permission = Deno.permissions.querySync({ name: "env", variable: VARIABLE });
  return permission.state === "granted" ? Deno.env.get(VARIABLE) || undefined : undefined;
}
