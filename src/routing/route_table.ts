import {
  type Application,
  KNOWN_CHANNELS,
  type Preparation,
  PREPARE,
  type Scope,
} from "../protocol/mod.ts";

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

/** What a router tells a server on behalf of its routes. */
export interface Hooks {
  /** The channels that it has routes for; without, it may answer any. */
  readonly known?: readonly string[] | undefined;
  /** Has the routes of some channels make ready what they need. */
  readonly prepare: (channels: readonly string[]) => Preparation;
}

/** Puts the hooks on the application. */
export function withHooks<A extends object>(application: A, { known, prepare }: Hooks): A {
  return Object.assign(application, known && { [KNOWN_CHANNELS]: known }, { [PREPARE]: prepare });
}
