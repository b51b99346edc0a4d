import { AsyncLocalStorage } from "node:async_hooks";
import type { AnyApplication, ChannelScope } from "../../protocol/mod.ts";
import type { ChannelLayer } from "../channel_layer.ts";

/** The channel whose events the running code handles. */
interface HandlerContext {
  readonly layer: ChannelLayer;
  readonly channel: string;
}

const context = new AsyncLocalStorage<HandlerContext>();

/**
 * Returns an application that runs in the context of its channel, including everything that it calls
 * and starts. The context is entered once for each run, not for each event.
 *
 * @param layer The layer that delivers the events.
 */
export function withHandlerContext(
  layer: ChannelLayer,
  application: AnyApplication<ChannelScope>,
): AnyApplication<ChannelScope> {
  return (scope, receive, send) =>
    context.run({ layer, channel: scope.channel }, application, scope, receive, send);
}

/** Returns whether the caller is a handler of the channel, or was started by one. */
export function isHandlerOf(layer: ChannelLayer, channel: string): boolean {
  const current = context.getStore();
  return current?.layer === layer && current.channel === channel;
}
