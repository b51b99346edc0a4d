/**
 * The agreement between servers and applications: ASGI 3 in TypeScript.
 *
 * A server makes a scope, calls the application with it, and feeds it events.
 *
 * ```ts
 * import type { Application, ChannelScope } from "@asgi/channels/protocol";
 *
 * export const application: Application<ChannelScope> = async (scope, receive) => {
 *   for (;;) {
 *     const event = await receive();
 *     console.log(scope.channel, event.type);
 *   }
 * };
 * ```
 *
 * @module
 */
export type { Application, Receive, Send } from "./application.ts";
export { KNOWN_CHANNELS, knownChannels, type RoutedApplication } from "./hooks.ts";
export type { Message } from "./application.ts";
export { type Preparation, PREPARE, prepare, type PreparedApplication, together } from "./hooks.ts";
export type { ChannelScope, LifespanScope, Scope, ScopeOf } from "./application.ts";
