import {
  type Access,
  type Address,
  endpointOf,
  type RedisTlsOptions,
  sentinelAddress,
} from "./address.ts";

const FORM = /^(?<scheme>[a-z+]+):\/\/(?<authority>[^/]*)(?:\/(?<path>.*))?$/s;

/** How to write a password: errors do not quote what may be a part of one. */
const REMEDY = "in a user or a password, write % as %25, / as %2F, ? as %3F and @ as %40";

/** The parts of a URL, unescaped. */
interface Parts {
  /** The text before the hosts, without the password. */
  readonly start: string;
  readonly hosts: readonly string[];
  readonly path: string;
  readonly access: Access;
  readonly tls: RedisTlsOptions;
}

/**
 * Returns the addresses for each scheme; without Sentinels or a cluster, each host is an address.
 */
const SCHEMES: Readonly<Record<string, (parts: Parts) => Address[]>> = {
  "redis": servers,
  "rediss": servers,
  "redis+sentinel": sentinels,
  "rediss+sentinel": sentinels,
  "redis+cluster": cluster,
  "rediss+cluster": cluster,
  "unix": socket,
};

/** The schemes of Redis URLs. */
export const REDIS_SCHEMES: readonly string[] = Object.keys(SCHEMES);

/**
 * Splits a URL into its address and its query.
 *
 * @throws {TypeError} If the address is invalid; the query may then be a part of a password.
 */
export function splitRedisUrl(url: string): { readonly address: string; readonly query: string } {
  if (typeof url !== "string") throw new TypeError(`url must be a string, got a ${typeof url}`);
  const [address = "", query = ""] = splitOnce(url, "?");
  if (query.includes("@")) throw new TypeError(`Layer URL has an @ in its query: ${REMEDY}`);
  addressesOf(address);
  return { address, query };
}

/**
 * Reads a URL without a query.
 *
 * @param url `redis://[USER:PASSWORD@]HOST[:PORT][,HOST...][/DATABASE]` and the like.
 * @param tls Options for TLS, if the scheme requires it.
 * @returns One address for each of several hosts.
 * @throws {TypeError} If it is invalid. The error does not quote what may be a part of a password.
 */
export function addressesOf(url: string, tls: RedisTlsOptions = {}): Address[] {
  if (url.includes("?")) {
    throw new TypeError(
      `Only the url of a layer may have a query, not the entries of hosts; ${REMEDY}`,
    );
  }
  const { scheme = "", authority = "", path = "" } = FORM.exec(url)?.groups ?? {};
  const read = readerOf(scheme);
  const { user, hosts } = splitAuthority(authority);
  checkPath(path, { mayHaveAt: scheme === "unix" && authority === "" });
  const [username, password] = user === undefined ? [] : splitOnce(user, ":").map(decode);
  return read({
    start: `${scheme}://${shownAccess(user)}`,
    hosts: hosts.split(","),
    path: decode(path),
    access: {
      username: username || undefined,
      password,
      tls: scheme.startsWith("rediss") ? tls : undefined,
    },
    tls,
  });
}

/** @throws {TypeError} If the scheme is unknown. */
function readerOf(scheme: string): (parts: Parts) => Address[] {
  const read = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (read) return read;
  const known = REDIS_SCHEMES.map((name) => `${name}://`).join(", ");
  throw new TypeError(`Layer URL must start with one of ${known}`);
}

/** The last `@` ends the user and the password: both may contain another one. */
function splitAuthority(authority: string): { readonly user?: string; readonly hosts: string } {
  const at = authority.lastIndexOf("@");
  if (at === -1) return { hosts: authority };
  return { user: authority.slice(0, at), hosts: authority.slice(at + 1) };
}

/** @throws {TypeError} If the path contains an `@`: then it begins with a part of a password. */
function checkPath(path: string, { mayHaveAt }: { readonly mayHaveAt: boolean }): void {
  if (path.includes("@") && !mayHaveAt) {
    throw new TypeError(`Layer URL has an @ after its first /: ${REMEDY}`);
  }
}

/** A user without a password is hidden, too: it may be a misplaced password. */
function shownAccess(user: string | undefined): string {
  if (user === undefined) return "";
  const [name = "", password] = splitOnce(user, ":");
  return password ? `${name}:***@` : "***@";
}

function servers({ start, hosts, path, access }: Parts): Address[] {
  const database = databaseOf(path);
  return hosts.map((host) => ({
    kind: "server",
    name: `${start}${host}${path && `/${database}`}`,
    endpoint: endpointIn(host),
    database,
    ...access,
  }));
}

function socket({ start, hosts, path, access }: Parts): Address[] {
  if (hosts.join() !== "") {
    throw new TypeError(`Layer URL of a socket must be unix://[USER:PASSWORD@]/PATH; ${REMEDY}`);
  }
  const endpoint = { path: `/${path}` };
  return [{ kind: "server", name: `${start}/${path}`, endpoint, database: 0, ...access }];
}

function sentinels({ start, hosts, path, access, tls }: Parts): Address[] {
  const [master = "", database = ""] = path.split("/");
  const { tls: _, ...rest } = access;
  hosts.forEach(endpointIn);
  const host = { sentinels: hosts, master, database: databaseOf(database), tls: !!access.tls };
  return [{ ...sentinelAddress(host, tls), ...rest, name: `${start}${hosts.join()}/${path}` }];
}

function cluster({ start, hosts, path, access }: Parts): Address[] {
  if (databaseOf(path) !== 0) throw new TypeError("Redis Cluster supports only database 0");
  const roots = hosts.map(endpointIn);
  return [{ kind: "cluster", name: `${start}${hosts.join()}`, roots, ...access }];
}

/** @throws {TypeError} If it is not a host with an optional port. */
function endpointIn(host: string) {
  try {
    return endpointOf(host, 6379);
  } catch (error) {
    throw new TypeError(`Layer URL: ${(error as Error).message}; ${REMEDY}`);
  }
}

/** @throws {TypeError} If it is not the number of a database. */
function databaseOf(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  throw new TypeError(
    `Layer URL: the database must be a number, as in redis://HOST/2; ${REMEDY}`,
  );
}

/** @throws {TypeError} If a percent-escape is invalid. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError("Layer URL has an invalid percent-escape: encode % as %25");
  }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
