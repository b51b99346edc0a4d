/** What an application is told when a worker runs it for a channel. */
export interface ChannelScope {
  /** Tells it from the scopes of other protocols. */
  readonly type: "channel";
  /** The channel whose events the application gets. */
  readonly channel: string;
}

/** What an application is told by servers that announce their start and their stop (ASGI's lifespan). */
export interface LifespanScope {
  /** Tells it from the scopes of other protocols. */
  readonly type: "lifespan";
}

/** What an application is told about its surroundings: `type` says which kind it is. */
export type Scope = ChannelScope | LifespanScope;

/** The scope of one type: `ScopeOf<"channel">` is {@linkcode ChannelScope}. */
export type ScopeOf<T extends Scope["type"]> = Extract<Scope, { readonly type: T }>;
