import {
  type Access,
  type Address,
  endpointOf,
  type RedisTlsOptions,
  sentinelAddress,
} from "./address.ts";

const FORM = /^(?<scheme>[a-z+]+):\/\/(?:(?<user>[^/]*)@)?(?<hosts>[^/]*)(?:\/(?<path>.*))?$/;

/** The parts of a URL, in which nothing is escaped any more. */
interface Parts {
  /** What comes before the hosts, without the password. */
  readonly start: string;
  readonly hosts: readonly string[];
  readonly path: string;
  readonly access: Access;
  readonly tls: RedisTlsOptions;
}

/** What each scheme's URL leads to; several hosts without Sentinels or a cluster are one each. */
const SCHEMES: Readonly<Record<string, (parts: Parts) => Address[]>> = {
  "redis": servers,
  "rediss": servers,
  "redis+sentinel": sentinels,
  "rediss+sentinel": sentinels,
  "redis+cluster": cluster,
  "rediss+cluster": cluster,
  "unix": socket,
};

/** The schemes of the URLs that lead to Redis. */
export const REDIS_SCHEMES: readonly string[] = Object.keys(SCHEMES);

/**
 * Reads a URL.
 *
 * @param url `redis://[USER:PASSWORD@]HOST[:PORT][,HOST...][/DATABASE]` and the like.
 * @param tls How to speak TLS, if the scheme asks for it.
 * @returns One address for each of several hosts.
 * @throws {TypeError} When it leads to no Redis.
 */
export function addressesOf(url: string, tls: RedisTlsOptions = {}): Address[] {
  const { scheme = "", user, hosts = "", path = "" } = FORM.exec(url)?.groups ?? {};
  const read = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (!read) {
    const [start = ""] = url.split("//");
    throw new TypeError(
      `url must start with ${REDIS_SCHEMES.map((known) => `${known}://`).join(", ")}: ${start}`,
    );
  }
  const [username = "", password] = splitOnce(user ?? "", ":").map(decodeURIComponent);
  const secret = password === undefined ? "" : ":***";
  return read({
    start: `${scheme}://${user ? `${username}${secret}@` : ""}`,
    hosts: hosts.split(","),
    path: decodeURIComponent(path),
    access: {
      username: username || undefined,
      password,
      tls: scheme.startsWith("rediss") ? tls : undefined,
    },
    tls,
  });
}

function servers({ start, hosts, path, access }: Parts): Address[] {
  return hosts.map((host) => ({
    kind: "server",
    name: `${start}${host}${path && `/${path}`}`,
    endpoint: endpointOf(host, 6379),
    database: databaseOf(path),
    ...access,
  }));
}

function socket({ start, path, access }: Parts): Address[] {
  return [{
    kind: "server",
    name: `${start}/${path}`,
    endpoint: { path: `/${path}` },
    database: 0,
    ...access,
  }];
}

function sentinels({ start, hosts, path, access, tls }: Parts): Address[] {
  const [master = "", database = ""] = path.split("/");
  const { tls: _, ...rest } = access;
  const host = { sentinels: hosts, master, database: databaseOf(database), tls: !!access.tls };
  return [{ ...sentinelAddress(host, tls), ...rest, name: `${start}${hosts.join()}/${path}` }];
}

function cluster({ start, hosts, path, access }: Parts): Address[] {
  if (databaseOf(path) !== 0) throw new TypeError("A Redis Cluster has no databases but 0");
  const roots = hosts.map((host) => endpointOf(host, 6379));
  return [{ kind: "cluster", name: `${start}${hosts.join()}`, roots, ...access }];
}

/** @throws {TypeError} When it isn't the number of a database. */
function databaseOf(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  throw new TypeError(`Redis numbers its databases: ${JSON.stringify(text)}`);
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
