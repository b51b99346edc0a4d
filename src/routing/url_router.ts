import { NoRouteError } from "../errors/mod.ts";
import type { AnyApplication, Application, HttpScope, WebSocketScope } from "../protocol/mod.ts";
import { routeTable } from "./routers.ts";

/** The routes of a {@linkcode URLRouter}: applications by the pattern of a path. */
export type ApplicationsByPath<S extends HttpScope | WebSocketScope> = Readonly<
  Record<string, AnyApplication<S>>
>;

/**
 * Creates an application that calls another application, selected by the path of the URL. It is called
 * without `new`.
 *
 * A pattern has the syntax of a `URLPattern`'s `pathname`; the first one that matches the whole path is
 * used. Matching uses the percent-encoded path, so that an encoded `/` is not a separator. The parts
 * that a pattern names are percent-decoded in `scope.params`, together with those of outer routers.
 *
 * A pattern that ends in `/*` mounts an application: the path before this `/` becomes its `root_path`,
 * and a nested router matches what follows. Paths with the segments `.` or `..` match no pattern.
 *
 * @typeParam S The scopes that all applications take: HTTP requests, WebSockets, or both.
 * @param routes The applications by pattern.
 * @returns The router. It rejects with a {@linkcode NoRouteError} if no pattern matches; a server
 * responds with status 404.
 * @throws {TypeError} If a pattern is invalid, or a value is not a function, or is a class.
 *
 * @example Usage
 * ```ts
 * import { ProtocolTypeRouter, URLRouter } from "@asgi/channels/routing";
 *
 * export const application = ProtocolTypeRouter({
 *   http: URLRouter({
 *     "/hello/:name": async (scope, _receive, send) => {
 *       const body = new TextEncoder().encode(`Hello, ${scope.params.name}`);
 *       await send({ type: "http.response.start", status: 200 });
 *       await send({ type: "http.response.body", body });
 *     },
 *   }),
 * });
 * ```
 */
export function URLRouter<S extends HttpScope | WebSocketScope>(
  routes: ApplicationsByPath<S>,
): Application<S> {
  const table = routeTable("URLRouter", routes);
  const compiled = Array.from(table, ([pattern, application]) => ({
    match: compile(pattern),
    application,
  }));
  const route: AnyApplication<S> = async (scope, receive, send) => {
    const path = pathBelowRoot(scope);
    for (const { match, application } of compiled) {
      const found = match(path);
      if (found) return await application(scopeBelow(scope, found), receive, send);
    }
    throw new NoRouteError({ what: "path", requested: scope.path, known: [...table.keys()] });
  };
  return route as Application<S>;
}

/** What a pattern has matched. */
interface PathMatch {
  /** The named parts, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The part of the path that the application is mounted at, percent-decoded. */
  readonly mount: string;
}

/** Returns the scope of an application below a router. */
function scopeBelow<S extends HttpScope | WebSocketScope>(scope: S, match: PathMatch): S {
  const params = { ...scope.params, ...match.params };
  return { ...scope, params, root_path: scope.root_path + match.mount };
}

/**
 * Returns a function that matches a normalized path with a pattern.
 *
 * @throws {TypeError} If the pattern is invalid.
 */
function compile(pattern: string): (path: string) => PathMatch | undefined {
  const compiled = parse(pattern);
  const isMount = /\/\*(?:\}\?)?$/.test(pattern);
  return (path) => {
    const found = DOT_SEGMENT.test(path) ? null : compiled.exec({ pathname: path });
    if (!found) return undefined;
    const { input, groups } = found.pathname;
    return { params: paramsOf(groups), mount: isMount ? mountOf(input, groups) : "" };
  };
}

function parse(pattern: string): URLPattern {
  const invalid = `URLRouter cannot use the pattern ${JSON.stringify(pattern)}`;
  if (!/^[/*({]/.test(pattern)) throw new TypeError(`${invalid}: paths start with "/"`);
  try {
    return new URLPattern({ pathname: pattern });
  } catch (cause) {
    throw new TypeError(`${invalid}: ${(cause as Error).message}`, { cause });
  }
}

/** The groups of a match: the optional ones may be absent. */
type Groups = Readonly<Record<string, string | undefined>>;

function paramsOf(groups: Groups): Record<string, string> {
  const params = Object.entries(groups).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, decodeURIComponent(value)] as const]
  );
  return Object.fromEntries(params);
}

/** Returns the part of a path before the `/` of the wildcard, which is the last numbered group. */
function mountOf(path: string, groups: Groups): string {
  const last = Math.max(...Object.keys(groups).filter((name) => /^\d+$/.test(name)).map(Number));
  const wildcard = groups[last];
  return decodeURIComponent(wildcard === undefined ? path : path.slice(0, -wildcard.length - 1));
}

/** Returns the normalized path without the part that the router is mounted at. */
function pathBelowRoot({ path, raw_path, root_path }: HttpScope | WebSocketScope): string {
  const whole = normalize(raw_path ?? path.replaceAll("%", "%25"));
  // A character has at most three characters in a normalized path.
  for (let end = 0; end >= 0 && end <= root_path.length * 3; end = whole.indexOf("/", end + 1)) {
    if (decodeURIComponent(whole.slice(0, end)) === root_path) return whole.slice(end);
  }
  return decodeURIComponent(whole) === root_path ? "/" : whole;
}

/** A segment that a URL parser resolves: a path with it could be outside of the mount that it names. */
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;

/** An encoded character, or one that would have a meaning for the URL parser. */
const SPECIAL =
  /%[0-7][\da-f]|%[cd][\da-f]%[89ab][\da-f]|%e[\da-f](?:%[89ab][\da-f]){2}|%f[0-7](?:%[89ab][\da-f]){3}|[\0- \x7f%?#\\]/gi;

/** A character that remains encoded in a normalized path. */
const RESERVED = /[\0- \x7f%?#\\/]/;

/**
 * Returns an equivalent path, in which only the characters are encoded that must be, and a `%` that
 * encodes nothing is `%25`.
 */
function normalize(rawPath: string): string {
  return rawPath.replaceAll(SPECIAL, (encoded) => {
    const character = decodeCharacter(encoded);
    return RESERVED.test(character) ? encodeURIComponent(character) : character;
  });
}

/** Decodes a character; bytes that are not UTF-8 stay as they are. */
function decodeCharacter(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
