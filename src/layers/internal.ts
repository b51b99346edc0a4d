/**
 * The internals of layers that other folders of this package use. The package does not export them, and
 * layers of other packages work without them.
 *
 * @module
 */
export { isLayerUrl } from "./layer_url.ts";
export { checkChannelName } from "./names.ts";
export {
  leavesGroups,
  openChannel,
  type OwnChannel,
  reclaim,
  reportDrop,
} from "./receiving/own_channel.ts";
export { fromEnvironment, overrideDefaultChannelLayer } from "./registry.ts";
export { withHandlerContext } from "./sending/handler_context.ts";
export { redirectWarnings } from "./warnings.ts";
