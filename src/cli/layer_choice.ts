import {
  type ChannelLayer,
  getChannelLayer,
  isLayerUrl,
  MemoryChannelLayer,
  overrideDefaultChannelLayer,
} from "../layers/mod.ts";
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
