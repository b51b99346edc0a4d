import { NoRouteError } from "../errors.ts";
import { type Application, type ChannelScope, prepare, together } from "../protocol/mod.ts";
import { routeTable, withHooks } from "./route_table.ts";

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
    if (application === undefined) throw new NoRouteError("channel", scope.channel, known);
    await application(scope, receive, send);
  };
  return withHooks(route, {
    known,
    prepare: (channels) => {
      const asked = new Set(channels.flatMap((channel) => table.get(channel) ?? []));
      return together(Array.from(asked, (application) => prepare(application, channels)));
    },
  });
}
