/**
 * Applications that choose among other applications.
 *
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";
 *
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({
 *     letters: async (_scope, receive) => {
 *       await receive();
 *     },
 *   }),
 * });
 * ```
 *
 * @module
 */
export { type ApplicationsByChannel, ChannelNameRouter } from "./routers.ts";
export { type ApplicationsByType, ProtocolTypeRouter } from "./routers.ts";
