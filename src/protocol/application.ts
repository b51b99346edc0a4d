import type {
  HttpScope,
  IncomingByType,
  LifespanScope,
  OutgoingByType,
  WebSocketScope,
} from "./connections.ts";

/**
 * Returns the next event for the application, or waits for it. Rejects after the server has stopped:
 * the application need not catch that error, but can clean up in a `finally` block.
 *
 * @typeParam E The events.
 */
export type Receive<E = Message> = () => Promise<E>;

/**
 * Sends a message to the client of the application's connection. Rejects if the scope has no client, as
 * in a worker, and after the connection has ended.
 *
 * @typeParam M The messages that the client's protocol allows.
 */
export type Send<M = AnyMessage> = (message: M) => Promise<void>;

/**
 * A function that a server calls once for each scope, and that handles the events of the scope until
 * it returns. An error that it throws ends this call only.
 *
 * @typeParam S The scopes that the application accepts.
 * @typeParam E The events that it expects, which the compiler checks where they are sent: see
 * `ChannelsOf`. By default, those of the scope's protocol, or any for a channel.
 * @typeParam M The messages that it may send. By default, those of the scope's protocol, or any for a
 * channel.
 * @param scope What the application is called for.
 * @param receive Returns the next event.
 * @param send Sends a message to the client.
 */
export type Application<S extends Scope = Scope, E = Incoming<S>, M = Outgoing<S>> = (
  scope: S,
  receive: Receive<E>,
  send: Send<M>,
) => Promise<void>;

/**
 * A message between a server and an application, or between processes: an object with a `type`.
 *
 * `ChannelLayer.send()` documents which values it may contain if it is sent over a channel layer.
 */
export interface Message {
  /** The kind of the message, such as `"thumbnail.generate"`. A consumer's handler has its name. */
  readonly type: string;
  /** The data of the message, defined by its sender and its receiver. */
  readonly [key: string]: unknown;
}

/** A message to send: any object with a `type`. An `interface` needs no index signature. */
export type AnyMessage = Message | { readonly type: string };

/** The scope of an application that a worker runs to handle the events of a channel. */
export interface ChannelScope {
  /** The protocol. */
  readonly type: "channel";
  /** The name of the channel. */
  readonly channel: string;
}

/** What a server calls an application for. The `type` names the protocol. */
export type Scope = ChannelScope | HttpScope | WebSocketScope | LifespanScope;

/**
 * The scope of a protocol: `ScopeOf<"channel">` is {@linkcode ChannelScope}.
 *
 * @typeParam T The `type` of the scope.
 */
export type ScopeOf<T extends Scope["type"]> = Extract<Scope, { readonly type: T }>;

/**
 * What an application of a scope receives: the events of the ASGI specification for `http`,
 * `websocket` and `lifespan`, and any event if the scope may be a channel.
 *
 * @typeParam S The scope.
 */
export type Incoming<S extends Scope> = ChannelScope extends S ? Message
  : S["type"] extends keyof IncomingByType ? IncomingByType[S["type"]]
  : Message;

/**
 * What an application of a scope may send: the messages of the ASGI specification for `http`,
 * `websocket` and `lifespan`, and any message if the scope may be a channel.
 *
 * @typeParam S The scope.
 */
export type Outgoing<S extends Scope> = ChannelScope extends S ? AnyMessage
  : S["type"] extends keyof OutgoingByType ? OutgoingByType[S["type"]]
  : AnyMessage;
