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
export { type ApplicationsByChannel, ChannelNameRouter } from "./channel_name_router.ts";
export { type ApplicationsByType, ProtocolTypeRouter } from "./protocol_type_router.ts";
