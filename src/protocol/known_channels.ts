import type { Application } from "./application.ts";
import type { ChannelScope } from "./scope.ts";

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
