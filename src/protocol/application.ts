/**
 * Returns the next event for the application, or waits for it. Rejects after the server has stopped:
 * the application need not catch that error, but can clean up in a `finally` block.
 */
export type Receive = () => Promise<Message>;

/**
 * Sends a message to the client of the application's connection. Rejects if the scope has no client, as
 * in a worker.
 */
export type Send = (message: Message) => Promise<void>;

/**
 * A function that a server calls once for each scope, and that handles the events of the scope until
 * it returns. An error that it throws ends this call only.
 *
 * @typeParam S The scopes that the application accepts.
 * @param scope What the application is called for.
 * @param receive Returns the next event.
 * @param send Sends a message to the client.
 */
export type Application<S extends Scope = Scope> = (
  scope: S,
  receive: Receive,
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

/** The property of an application that has its hooks: the same symbol in every copy of the package. */
const HOOKS: unique symbol = Symbol.for("asgi.channels.hooks");

/** What an application provides to a server besides running. */
export interface Hooks {
  /** The channels that it has routes for; absent if it may accept any channel. */
  readonly channels?: readonly string[] | undefined;
  /** Starts to create what the application needs for some channels, such as threads. */
  readonly prepare?: (channels: readonly string[]) => Preparation;
}

/** What an application has created before its first scope; disposing of it releases it. */
export interface Preparation extends AsyncDisposable {
  /** Rejects if the application cannot run. */
  readonly ready: Promise<void>;
}

/** Adds hooks to an application. */
export function withHooks<A extends object>(application: A, hooks: Hooks): A {
  return Object.assign(application, { [HOOKS]: hooks });
}

/** Returns the channels that an application has routes for, or `undefined` if it may accept any. */
export function knownChannels<S extends ChannelScope>(
  application: Application<S>,
): readonly string[] | undefined {
  return hooksOf(application).channels;
}

/** Prepares applications for some channels, as one. */
export function prepare<S extends ChannelScope>(
  applications: Iterable<Application<S>>,
  channels: readonly string[],
): Preparation {
  const preparations = Array.from(
    applications,
    (application) => hooksOf(application).prepare?.(channels),
  );
  return {
    ready: Promise.all(preparations.map((preparation) => preparation?.ready)).then(() => {}),
    async [Symbol.asyncDispose]() {
      await Promise.all(preparations.map((preparation) => preparation?.[Symbol.asyncDispose]()));
    },
  };
}

function hooksOf(application: object): Hooks {
  return (application as { readonly [HOOKS]?: Hooks })[HOOKS] ?? {};
}
