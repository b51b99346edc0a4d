import { isLayerUrl, overrideDefaultChannelLayer } from "../layers/internal.ts";
import { type ChannelLayer, getChannelLayer, MemoryChannelLayer } from "../layers/mod.ts";
import { findAppModule, fromEnvironment, hasAppModule, importApp } from "./app.ts";
import type { Options } from "./options.ts";
import { UsageError } from "./terminal.ts";

/** Notes what `--layer` says of the default layer, before the app may ask for it. */
export function noteLayer(choice: string | undefined): void {
  overrideDefaultChannelLayer(choice !== undefined && isLayerUrl(choice) ? choice : undefined);
}

/**
 * Gives the layer that `--layer` names, by URL or alias; else the default one.
 *
 * @throws {UsageError} When it makes no sense, or lives in this process only.
 */
export function chooseLayer(choice: string | undefined): ChannelLayer {
  const layer = makeLayer(choice);
  if (!(layer instanceof MemoryChannelLayer)) return layer;
  throw new UsageError(
    "the memory layer lives in one process, and no other could reach it: " +
      "use sqlite:PATH or redis://HOST",
  );
}

function makeLayer(choice: string | undefined): ChannelLayer {
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
 * Opens the layer for a command that needs no app. The app is loaded only if nothing else names the
 * layer, since it is then the app that may configure it.
 *
 * @param options The options `--layer` and `--app`.
 * @param note Told which app was loaded.
 * @throws {UsageError} If there is no such layer, or no such app.
 */
export async function openLayer(
  options: Options,
  note: (line: string) => void,
): Promise<ChannelLayer> {
  const [choice, named] = [options.value("layer"), options.value("app")];
  // A URL is the layer; an alias may be one of the app's.
  const isNamed = choice === undefined
    ? fromEnvironment("CHANNEL_LAYER_URL") !== undefined
    : isLayerUrl(choice);
  if (!isNamed && (named !== undefined || hasAppModule())) {
    const app = findAppModule(named);
    note(`Loading ${app.name}, which may configure the channel layers`);
    await importApp(app);
  }
  return chooseLayer(choice);
}
