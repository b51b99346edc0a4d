/**
 * The interface between servers and applications: ASGI 3 in TypeScript. It consists of types only.
 *
 * A server, such as a worker, calls an application with a scope. The application receives the events
 * of that scope until it returns, or until the server stops.
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
  AnyMessage,
  Application,
  ChannelScope,
  Incoming,
  Message,
  Outgoing,
  Receive,
  Scope,
  ScopeOf,
  Send,
} from "./application.ts";
export type {
  AsgiVersions,
  ConnectionScope,
  HeaderPairs,
  HostAndPort,
  HttpDisconnectEvent,
  HttpRequestEvent,
  HttpResponseBodyEvent,
  HttpResponsePathsendEvent,
  HttpResponseStartEvent,
  HttpScope,
  IncomingByType,
  LifespanCompleteEvent,
  LifespanFailedEvent,
  LifespanScope,
  LifespanShutdownEvent,
  LifespanStartupEvent,
  OutgoingByType,
  WebSocketAcceptEvent,
  WebSocketCloseEvent,
  WebSocketConnectEvent,
  WebSocketContent,
  WebSocketDisconnectEvent,
  WebSocketReceiveEvent,
  WebSocketResponseBodyEvent,
  WebSocketResponseStartEvent,
  WebSocketScope,
  WebSocketSendEvent,
} from "./connections.ts";
export type {
  AnyApplication,
  AnyChannels,
  AnyReceive,
  ChannelsOf,
  DeclaredChannels,
  EventsOf,
  LocalChannel,
  StandardSchema,
  StandardSchemaIssue,
  StandardSchemaResult,
} from "./events.ts";
