import { NoRouteError } from "../errors.ts";
import {
  type Application,
  knownChannels,
  prepare,
  type Scope,
  type ScopeOf,
  together,
} from "../protocol/mod.ts";
import { routeTable, withHooks } from "./route_table.ts";

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
    if (application === undefined) throw new NoRouteError("type", scope.type, [...table.keys()]);
    await application(scope, receive, send);
  };
  const { channel } = applications;
  return withHooks(route, {
    known: channel && knownChannels(channel),
    prepare: (channels) => channel ? prepare(channel, channels) : together([]),
  });
}
