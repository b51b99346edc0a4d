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
export type {
  Application,
  ChannelScope,
  Message,
  Receive,
  Scope,
  ScopeOf,
  Send,
} from "./application.ts";
