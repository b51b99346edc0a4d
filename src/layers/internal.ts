/**
 * What other folders of this package do with a layer beyond its contract. The package does not
 * export it: a layer from another package works without it.
 *
 * @module
 */
export { isLayerUrl } from "./layer_url.ts";
export { checkChannelName } from "./names.ts";
export { openChannel, type OwnChannel, reclaim } from "./receiving/own_channel.ts";
export { overrideDefaultChannelLayer } from "./registry.ts";
export { withHandlerContext } from "./sending/handler_context.ts";
export { redirectWarnings } from "./warnings.ts";
