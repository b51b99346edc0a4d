import { NoRouteError } from "../errors.ts";
import { knownChannels, prepare, withHooks } from "../protocol/internal.ts";
import type { Application, ChannelScope, Scope, ScopeOf } from "../protocol/mod.ts";

/** What {@linkcode ChannelNameRouter} takes: the applications by the name of their channel. */
export type ApplicationsByChannel = Readonly<Record<string, Application<ChannelScope>>>;

/**
 * Makes an application that picks another one by `scope.channel`.
 *
 * @param applications The applications by the name of their channel.
 * @returns An application; it rejects with a {@linkcode NoRouteError} for a channel that isn't listed.
 * @throws {TypeError} When one of them is no application.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter } from "@asgi/channels/routing";
 *
 * export const application = ChannelNameRouter({
 *   print: async (_scope, receive) => {
 *     const event = await receive();
 *     console.log(event.text);
 *   },
 * });
 * ```
 */
export function ChannelNameRouter(applications: ApplicationsByChannel): Application<ChannelScope> {
  const table = routeTable("ChannelNameRouter", applications);
  const known = [...table.keys()];
  const route: Application<ChannelScope> = async (scope, receive, send) => {
    const application = table.get(scope.channel);
    if (application === undefined) {
      throw new NoRouteError({ what: "channel", requested: scope.channel, known });
    }
    await application(scope, receive, send);
  };
  return withHooks(route, {
    channels: known,
    prepare: (channels) =>
      prepare(new Set(channels.flatMap((channel) => table.get(channel) ?? [])), channels),
  });
}

/** What {@linkcode ProtocolTypeRouter} takes: the applications by the type of their scope. */
export type ApplicationsByType = {
  readonly [T in Scope["type"]]?: Application<ScopeOf<T>>;
};

/**
 * Makes an application that picks another one by `scope.type`.
 *
 * @param applications The applications by the type of their scope.
 * @returns An application; it rejects with a {@linkcode NoRouteError} for a type that isn't listed.
 * @throws {TypeError} When one of them is no application.
 *
 * @example Usage
 * ```ts
 * import { ChannelNameRouter, ProtocolTypeRouter } from "@asgi/channels/routing";
 *
 * export const application = ProtocolTypeRouter({
 *   channel: ChannelNameRouter({
 *     print: async (_scope, receive) => console.log(await receive()),
 *   }),
 * });
 * ```
 */
export function ProtocolTypeRouter(applications: ApplicationsByType): Application {
  // The table forgets which scope goes with which type; the look-up by `scope.type` restores it.
  const table = routeTable(
    "ProtocolTypeRouter",
    applications as Readonly<Record<string, Application | undefined>>,
  );
  const route: Application = async (scope, receive, send) => {
    const application = table.get(scope.type);
    if (application === undefined) {
      throw new NoRouteError({ what: "type", requested: scope.type, known: [...table.keys()] });
    }
    await application(scope, receive, send);
  };
  const { channel } = applications;
  return withHooks(route, {
    channels: channel && knownChannels(channel),
    prepare: (channels) => prepare(channel ? [channel] : [], channels),
  });
}

/** Applications by name, in a `Map`: what a scope asks for comes from outside. */
export type RouteTable<S extends Scope> = ReadonlyMap<string, Application<S>>;

/**
 * Makes a table of what the user gave, and refuses what is no application.
 *
 * @throws {TypeError} When a value is no function.
 */
export function routeTable<S extends Scope>(
  router: string,
  applications: Readonly<Record<string, Application<S> | undefined>>,
): RouteTable<S> {
  const table = new Map<string, Application<S>>();
  for (const [name, application] of Object.entries(applications)) {
    if (typeof application !== "function" || isClass(application)) {
      const kind = typeof application === "function" ? "a class" : typeof application;
      throw new TypeError(
        `${router} needs an application for ${JSON.stringify(name)}: got ${kind}` +
          "; a consumer class becomes one by its asAsgi()",
      );
    }
    table.set(name, application);
  }
  return table;
}

/** A class is a function, too, but one that can't be called. */
function isClass(value: object): boolean {
  return Function.prototype.toString.call(value).startsWith("class");
}
