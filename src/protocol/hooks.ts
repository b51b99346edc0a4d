import type { Application, ChannelScope } from "./application.ts";

/** Under this symbol, the same in every copy of the package, an application has its hooks. */
const HOOKS: unique symbol = Symbol.for("asgi.channels.hooks");

/** What an application tells or offers to a server besides running. */
export interface Hooks {
  /** The channels that it has routes for; without it, it may accept any. */
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

/** Returns the channels that an application has routes for, or `undefined` if it does not say. */
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
