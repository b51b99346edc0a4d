import { AsyncLocalStorage } from "node:async_hooks";
import type { Application, ChannelScope } from "../../protocol/mod.ts";
import type { ChannelLayer } from "../channel_layer.ts";

/** Which channel the running code handles. */
interface HandlerContext {
  readonly layer: ChannelLayer;
  readonly channel: string;
}

const context = new AsyncLocalStorage<HandlerContext>();

/**
 * Returns an application whose runs are known as handlers of their channel, with all that they
 * call and start. The context is entered once for each run, not for each event.
 *
 * @param layer The layer that the events come from.
 */
export function withHandlerContext(
  layer: ChannelLayer,
  application: Application<ChannelScope>,
): Application<ChannelScope> {
  return (scope, receive, send) =>
    context.run({ layer, channel: scope.channel }, application, scope, receive, send);
}

/** Returns whether the caller is a handler of the channel, or was started by one. */
export function isHandlerOf(layer: ChannelLayer, channel: string): boolean {
  const current = context.getStore();
  return current?.layer === layer && current.channel === channel;
}
