import { AsyncLocalStorage } from "node:async_hooks";
import type { ChannelScope, Scope } from "./application.ts";
import type { AnyApplication } from "./events.ts";

/** Under this symbol, the same in every copy of the package, an application has its hooks. */
const HOOKS: unique symbol = Symbol.for("asgi.channels.hooks");

/** What a server can do with an application besides running it. */
export interface Hooks {
  /** The channels that it has routes for; without it, it may accept any. */
  readonly channels?: readonly string[] | undefined;
  /**
   * Starts what the application needs for some channels, and calls {@linkcode keepForServer} with it.
   * Rejects if the application cannot run.
   */
  readonly prepare?: (channels: readonly string[]) => Promise<void>;
  /** The function that answers all HTTP requests, without scopes and messages. */
  readonly fetch?: FetchFunction | undefined;
}

/** A function that answers requests, such as the `fetch` of a Hono app, or what `Deno.serve()` takes. */
export type FetchFunction = (
  request: Request,
  info: Deno.ServeHandlerInfo,
) => Response | Promise<Response>;

/** Adds hooks to an application. */
export function withHooks<A extends object>(application: A, hooks: Hooks): A {
  return Object.assign(application, { [HOOKS]: hooks });
}

/** Returns the channels that an application has routes for, or `undefined` if they are unknown. */
export function knownChannels<S extends ChannelScope>(
  application: AnyApplication<S>,
): readonly string[] | undefined {
  return hooksOf(application).channels;
}

/** Prepares applications for some channels; rejects if one of them cannot run. */
export async function prepare<S extends Scope>(
  applications: Iterable<AnyApplication<S>>,
  channels: readonly string[],
): Promise<void> {
  await Promise.all(
    Array.from(applications, (application) => hooksOf(application).prepare?.(channels)),
  );
}

/** Returns the function that answers all HTTP requests of an application, if there is one. */
export function fetchOf(application: object): FetchFunction | undefined {
  return hooksOf(application).fetch;
}

function hooksOf(application: object): Hooks {
  return (application as { readonly [HOOKS]?: Hooks })[HOOKS] ?? {};
}

/** Something that an application shares among its scopes, such as threads. */
export interface ServerResource extends AsyncDisposable {
  /** Resolves once it has started; rejects if the application cannot run. */
  readonly ready: Promise<void>;
}

/**
 * What the applications of a server share among their scopes until the server ends, however they are
 * wrapped: an application finds it by its asynchronous context.
 */
export class ServerResources implements AsyncDisposable {
  readonly #kept = new Map<object, ServerResource>();
  readonly #starting = new Set<Promise<void>>();
  #isDisposed = false;

  /** Resolves once all that is starting now has started, or failed to; `undefined` if nothing is. */
  get starting(): Promise<void> | undefined {
    if (this.#starting.size === 0) return undefined;
    return Promise.all(this.#starting).then(() => {});
  }

  /** Returns an application that runs with these resources. */
  provide<S extends Scope>(application: AnyApplication<S>): AnyApplication<S> {
    return (scope, receive, send) => current.run(this, application, scope, receive, send);
  }

  /** Prepares an application for some channels; rejects if it cannot run. */
  prepare<S extends Scope>(
    application: AnyApplication<S>,
    channels: readonly string[],
  ): Promise<void> {
    return current.run(this, prepare, [application], channels);
  }

  /** Returns the resource of a key, which is created if there is none; `undefined` after the end. */
  keep<R extends ServerResource>(key: object, create: () => R): R | undefined {
    if (this.#isDisposed) return undefined;
    const resource = this.#kept.get(key) ?? create();
    if (!this.#kept.has(key)) this.#add(key, resource);
    // A key is only used by its owner.
    return resource as R;
  }

  /** Disposes of all resources: the server has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await Promise.all(Array.from(this.#kept.values(), (kept) => kept[Symbol.asyncDispose]()));
  }

  #add(key: object, resource: ServerResource): void {
    this.#kept.set(key, resource);
    const settled = resource.ready.catch(() => {}).finally(() => this.#starting.delete(settled));
    this.#starting.add(settled);
  }
}

/**
 * Returns the resource of a key that the current server keeps until its end.
 *
 * @param create Creates it if there is none.
 * @returns `undefined` if the caller is not run by a server that keeps resources.
 */
export function keepForServer<R extends ServerResource>(
  key: object,
  create: () => R,
): R | undefined {
  return current.getStore()?.keep(key, create);
}

/** The resources of the current server, the same in every copy of the package, as {@linkcode HOOKS}. */
const current = sharedStorage();

function sharedStorage(): AsyncLocalStorage<ServerResources> {
  const key = Symbol.for("asgi.channels.server");
  const shared = globalThis as { [key]?: AsyncLocalStorage<ServerResources> };
  return shared[key] ??= new AsyncLocalStorage<ServerResources>();
}
