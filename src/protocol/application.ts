/** Gives the application its next event; rejects once the server has stopped. */
export type Receive = () => Promise<Message>;

/** Takes a message from the application to the other end of its connection, where there is one. */
export type Send = (message: Message) => Promise<void>;

/** A program behind a server: runs as long as its scope lives, and takes its events from `receive`. */
export type Application<S extends Scope = Scope> = (
  scope: S,
  receive: Receive,
  send: Send,
) => Promise<void>;

/**
 * One event, or one answer, on its way between a server and an application.
 *
 * What else may be in it when it travels over a channel layer is said at `ChannelLayer.send()`.
 */
export interface Message {
  /** What kind of event it is; a consumer's handler has the same name. */
  readonly type: string;
  /** The rest belongs to sender and receiver. */
  readonly [key: string]: unknown;
}

/** What an application is told when a worker runs it for a channel. */
export interface ChannelScope {
  /** Tells it from the scopes of other protocols. */
  readonly type: "channel";
  /** The channel whose events the application gets. */
  readonly channel: string;
}

/** What an application is told about its connection: `type` names the protocol. */
export type Scope = ChannelScope | { readonly type: "lifespan" };

/** The scope of one type: `ScopeOf<"channel">` is {@linkcode ChannelScope}. */
export type ScopeOf<T extends Scope["type"]> = Extract<Scope, { readonly type: T }>;
