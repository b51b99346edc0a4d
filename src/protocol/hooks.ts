import type { Application, ChannelScope } from "./application.ts";

/**
 * Under this symbol an application may have a function that makes ready what it needs before its
 * first scope, such as threads. A server calls it with the channels that it is going to listen to.
 */
export const PREPARE: unique symbol = Symbol.for("asgi.channels.prepare");

/** What an application made ready; at its disposal the application lets go of it. */
export interface Preparation extends AsyncDisposable {
  /** Rejects when the application can't be run. */
  readonly ready: Promise<void>;
}

/** An application that wants to be prepared. */
export interface PreparedApplication<S extends ChannelScope = ChannelScope> extends Application<S> {
  /** Begins to make ready what is needed for some channels. */
  readonly [PREPARE]: (channels: readonly string[]) => Preparation;
}

/**
 * Has an application make ready what it needs, if it needs anything.
 *
 * @param application Any application.
 * @param channels The channels that the server is going to listen to.
 * @returns What to wait for before listening, and to dispose of after the last scope.
 */
export function prepare<S extends ChannelScope>(
  application: Application<S>,
  channels: readonly string[],
): Preparation {
  return (application as Partial<PreparedApplication<S>>)[PREPARE]?.(channels) ?? nothing();
}

/**
 * Makes several preparations one.
 *
 * @param preparations What to wait for, and to dispose of, together.
 * @returns The one.
 */
export function together(preparations: readonly Preparation[]): Preparation {
  return {
    ready: Promise.all(preparations.map(({ ready }) => ready)).then(() => {}),
    async [Symbol.asyncDispose]() {
      await Promise.all(preparations.map((preparation) => preparation[Symbol.asyncDispose]()));
    },
  };
}

function nothing(): Preparation {
  return { ready: Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
}

/**
 * Under this symbol an application may list the channels that it has routes for, so that a server
 * can warn of a channel that it would listen to in vain. An application without it answers any.
 */
export const KNOWN_CHANNELS: unique symbol = Symbol.for("asgi.channels.known_channels");

/** An application that knows which channels it answers. */
export interface RoutedApplication<S extends ChannelScope = ChannelScope> extends Application<S> {
  /** The names of the channels. */
  readonly [KNOWN_CHANNELS]: readonly string[];
}

/**
 * The channels that an application says it has routes for.
 *
 * @param application Any application.
 * @returns The names, or `undefined` when it doesn't say.
 */
export function knownChannels<S extends ChannelScope>(
  application: Application<S>,
): readonly string[] | undefined {
  return (application as Partial<RoutedApplication<S>>)[KNOWN_CHANNELS];
}
