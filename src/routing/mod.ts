/**
 * Routers: applications that call another application, selected by the scope.
 *
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";
 *
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({
 *     letters: async (scope, receive) => {
 *       for (;;) console.log(scope.channel, await receive());
 *     },
 *   }),
 * });
 * ```
 *
 * @module
 */
export {
  type ApplicationsByChannel,
  type ApplicationsByType,
  ChannelNameRouter,
  ProtocolTypeRouter,
} from "./routers.ts";
export { type ApplicationsByPath, URLRouter } from "./url_router.ts";
