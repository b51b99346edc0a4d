import type { Application } from "./application.ts";
import type { ChannelScope } from "./scope.ts";

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
