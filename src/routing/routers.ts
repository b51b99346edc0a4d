import { NoRouteError } from "../errors/mod.ts";
import { fetchOf, knownChannels, prepare, withHooks } from "../protocol/internal.ts";
import type { ChannelApplication, ProtocolApplication } from "../protocol/internal.ts";
import type { AnyApplication, ChannelScope, Scope, ScopeOf } from "../protocol/mod.ts";

/** The routes of a {@linkcode ChannelNameRouter}: applications by the name of a channel. */
export type ApplicationsByChannel = Readonly<Record<string, AnyApplication<ChannelScope>>>;

/**
 * Creates an application that calls another application, selected by `scope.channel`. It is called
 * without `new`.
 *
 * @typeParam A The applications: their events are checked where they are sent, see `ChannelsOf`.
 * @param applications The applications by the name of a channel.
 * @returns The router. It rejects with a {@linkcode NoRouteError} if no application has the name of the
 * scope's channel. In a worker, such an event is logged and dropped.
 * @throws {TypeError} If a value is not a function, or is a class.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter } from "@asgi/channels/routing";
 *
 * export const application = ChannelNameRouter({
 *   print: async (_scope, receive) => {
 *     for (;;) console.log((await receive()).text);
 *   },
 * });
 * ```
 */
export function ChannelNameRouter<const A extends ApplicationsByChannel>(
  applications: A,
): ChannelApplication<A> {
  const table = routeTable("ChannelNameRouter", applications);
  const known = [...table.keys()];
  const route: AnyApplication<ChannelScope> = async (scope, receive, send) => {
    const { type, channel } = scope;
    // A server calls the application with the scopes of other protocols as well.
    if (type !== "channel") {
      throw new NoRouteError({ what: "type", requested: type, known: ["channel"] });
    }
    const application = table.get(channel);
    if (application === undefined) {
      throw new NoRouteError({ what: "channel", requested: channel, known });
    }
    await application(scope, receive, send);
  };
  return withHooks(route, {
    channels: known,
    prepare: (channels) =>
      prepare(new Set(channels.flatMap((channel) => table.get(channel) ?? [])), channels),
  }) as ChannelApplication<A>;
}

/** The routes of a {@linkcode ProtocolTypeRouter}: applications by the type of a scope. */
export type ApplicationsByType = {
  readonly [T in Scope["type"]]?: AnyApplication<ScopeOf<T>>;
};

/**
 * Creates an application that calls another application, selected by `scope.type`. It is called
 * without `new`.
 *
 * @param applications The applications by the type of a scope.
 * @returns The router. It rejects with a {@linkcode NoRouteError} if no application has the type of the
 * scope.
 * @throws {TypeError} If a value is not a function, or is a class.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";
 *
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({
 *     print: async (_scope, receive) => {
 *       for (;;) console.log((await receive()).text);
 *     },
 *   }),
 * });
 * ```
 */
export function ProtocolTypeRouter<const A extends ApplicationsByType>(
  applications: A,
): ProtocolApplication<A> {
  // The type of the table does not relate a scope to its application; the lookup by `scope.type` does.
  const table = routeTable(
    "ProtocolTypeRouter",
    applications as Readonly<Record<string, AnyApplication | undefined>>,
  );
  const route: AnyApplication = async (scope, receive, send) => {
    const application = table.get(scope.type);
    if (application === undefined) {
      throw new NoRouteError({ what: "type", requested: scope.type, known: [...table.keys()] });
    }
    await application(scope, receive, send);
  };
  const { channel, http } = applications;
  return withHooks(route, {
    fetch: http && fetchOf(http),
    channels: channel && knownChannels(channel),
    prepare: (channels) => prepare(channel ? [channel] : [], channels),
  }) as ProtocolApplication<A>;
}

/** Applications by name, in a `Map`: a name such as `"toString"` must not be found. */
type RouteTable<S extends Scope> = ReadonlyMap<string, AnyApplication<S>>;

/**
 * Creates the table of a router.
 *
 * @throws {TypeError} If a value is not an application.
 */
export function routeTable<S extends Scope>(
  router: string,
  applications: Readonly<Record<string, AnyApplication<S> | undefined>>,
): RouteTable<S> {
  const table = new Map<string, AnyApplication<S>>();
  for (const [name, application] of Object.entries(applications)) {
    if (typeof application !== "function" || isClass(application)) {
      const kind = typeof application === "function" ? "a class" : typeof application;
      throw new TypeError(
        `${router} needs an application for ${JSON.stringify(name)}, got ${kind}; ` +
          "call asAsgi() of a consumer class",
      );
    }
    table.set(name, application);
  }
  return table;
}

/** A class is a function too, but cannot be called without `new`. */
function isClass(value: object): boolean {
  return Function.prototype.toString.call(value).startsWith("class");
}
