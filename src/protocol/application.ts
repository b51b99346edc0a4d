/**
 * Returns the next event for the application, or waits for it. Rejects after the server has stopped:
 * the application need not catch that error, but can clean up in a `finally` block.
 *
 * @typeParam E The events.
 */
export type Receive<E = Message> = () => Promise<E>;

/**
 * Sends a message to the client of the application's connection. Rejects if the scope has no client, as
 * in a worker.
 */
export type Send = (message: AnyMessage) => Promise<void>;

/**
 * A function that a server calls once for each scope, and that handles the events of the scope until
 * it returns. An error that it throws ends this call only.
 *
 * @typeParam S The scopes that the application accepts.
 * @typeParam E The events that it expects, which the compiler checks where they are sent: see
 * `ChannelsOf`. By default, any.
 * @param scope What the application is called for.
 * @param receive Returns the next event.
 * @param send Sends a message to the client.
 */
export type Application<S extends Scope = Scope, E = Message> = (
  scope: S,
  receive: Receive<E>,
  send: Send,
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
export type Scope = ChannelScope | { readonly type: "lifespan" };

/**
 * The scope of a protocol: `ScopeOf<"channel">` is {@linkcode ChannelScope}.
 *
 * @typeParam T The `type` of the scope.
 */
export type ScopeOf<T extends Scope["type"]> = Extract<Scope, { readonly type: T }>;
