import { fromEnvironment, isLayerUrl, overrideDefaultChannelLayer } from "../layers/internal.ts";
import {
  type ChannelLayer,
  closeChannelLayers,
  getChannelLayer,
  MemoryChannelLayer,
} from "../layers/mod.ts";
import { findAppModule, hasAppModule, importApp } from "./app.ts";
import type { Options } from "./options.ts";
import { UsageError } from "./terminal.ts";

/**
 * Sets the default layer to the URL in `--layer`, also for the app: so this precedes the app's import.
 *
 * @param choice The value of `--layer`; `undefined` restores the default.
 */
export function overrideLayer(choice: string | undefined): void {
  overrideDefaultChannelLayer(choice !== undefined && isLayerUrl(choice) ? choice : undefined);
}

/** Which layers a command accepts. */
export interface LayerRules {
  /**
   * Whether a memory layer may be used, because the command receives what its own process sends.
   *
   * @default {false}
   */
  readonly allowsMemory?: boolean;
}

/**
 * Returns the layer that `--layer` names by URL or alias, or the default layer.
 *
 * @throws {UsageError} If there is no such layer, or the command does not accept it.
 */
export function getLayer(
  choice: string | undefined,
  { allowsMemory = false }: LayerRules = {},
): ChannelLayer {
  const layer = findLayer(choice);
  if (allowsMemory || !(layer instanceof MemoryChannelLayer)) return layer;
  throw new UsageError(
    "the memory layer works within one process only: use sqlite:PATH or redis://HOST",
  );
}

function findLayer(choice: string | undefined): ChannelLayer {
  try {
    return getChannelLayer(choice === undefined || isLayerUrl(choice) ? "default" : choice);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}

/**
 * Calls a function with the layer of a command that runs no application, and then closes all layers.
 *
 * @param options The options `--layer` and `--app`.
 * @param note Called with a line that names the app, if it is loaded.
 * @throws {UsageError} If there is no such layer, or no such app.
 */
export async function withLayer<T>(
  options: Options,
  note: (line: string) => void,
  use: (layer: ChannelLayer) => Promise<T>,
): Promise<T> {
  const choice = options.value("layer");
  overrideLayer(choice);
  try {
    await loadLayers(choice, options.value("app"), note);
    return await use(getLayer(choice));
  } finally {
    await closeChannelLayers();
    overrideLayer(undefined);
  }
}

/** Loads the app if no URL names the layer: then it is the app that may configure it. */
async function loadLayers(
  choice: string | undefined,
  module: string | undefined,
  note: (line: string) => void,
): Promise<void> {
  // An alias may be one of the app's.
  const isNamed = choice === undefined
    ? fromEnvironment("CHANNEL_LAYER_URL") !== undefined
    : isLayerUrl(choice);
  if (isNamed || (module === undefined && !hasAppModule())) return;
  const app = findAppModule(module);
  note(`Loading ${app.name}, which may configure the channel layers`);
  await importApp(app);
}
