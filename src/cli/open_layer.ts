import { type ChannelLayer, isLayerUrl } from "../layers/mod.ts";
import { findAppModule, hasAppModule } from "./app_module.ts";
import { chooseLayer } from "./layer_choice.ts";
import { importApp } from "./load_application.ts";

/**
 * Gives the layer that `--layer` names, for a command that needs no app. The app, if there is one,
 * may configure the layers; with a URL there is no need to ask it.
 *
 * @throws {UsageError} When there is no such layer.
 */
export async function openLayer(choice: string | undefined): Promise<ChannelLayer> {
  const isUrl = choice !== undefined && isLayerUrl(choice);
  if (!isUrl && hasAppModule()) await importApp(findAppModule(undefined));
  return chooseLayer(choice);
}
