import { type ChannelLayer, isLayerUrl } from "../layers/mod.ts";
import { findAppModule, fromEnvironment, hasAppModule } from "./app_module.ts";
import { chooseLayer } from "./layer_choice.ts";
import { importApp } from "./load_application.ts";
import type { Options } from "./options.ts";

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
