/** How to get to a server's port. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** How to speak TLS with servers whose certificates no well-known authority has signed. */
export interface RedisTlsOptions {
  /** The certificates of the authorities to trust, as PEM; else those of the system. */
  readonly ca?: string;
  /** Our own certificate, as PEM, where the server asks for one. */
  readonly cert?: string;
  /** The key of our own certificate, as PEM. */
  readonly key?: string;
}

/** How to be let in. */
export interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Without it, nothing is encrypted on the way. */
  readonly tls?: RedisTlsOptions | undefined;
}

/** One server. */
export interface ServerAddress extends Access {
  readonly kind: "server";
  /** What it is called in messages for people: it holds no secrets. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly database: number;
}

/** The server that Sentinels name as the master. */
export interface SentinelAddress extends Access {
  readonly kind: "sentinel";
  readonly name: string;
  readonly sentinels: readonly Endpoint[];
  readonly sentinelAccess: Access;
  readonly master: string;
  readonly database: number;
}

/** The servers of a cluster, of which some are enough to find the others. */
export interface ClusterAddress extends Access {
  readonly kind: "cluster";
  readonly name: string;
  readonly roots: readonly Endpoint[];
}

/** Where keys are kept. */
export type Address = ServerAddress | SentinelAddress | ClusterAddress;

/** The master that Sentinels watch, as an object: what a URL can say, and the Sentinels' password. */
export interface RedisSentinelHost {
  /** Where the Sentinels are: `"HOST"` or `"HOST:PORT"`, by default with port 26379. */
  readonly sentinels: readonly string[];
  /** By which name they know the master. */
  readonly master: string;
  /** The user at the master; without it, the default user. */
  readonly username?: string;
  /** The password at the master. */
  readonly password?: string;
  /** The user at the Sentinels. */
  readonly sentinelUsername?: string;
  /** The password at the Sentinels. */
  readonly sentinelPassword?: string;
  /**
   * The number of the database.
   *
   * @default {0}
   */
  readonly database?: number;
  /**
   * Whether master and Sentinels speak TLS.
   *
   * @default {false}
   */
  readonly tls?: boolean;
}

/**
 * Completes what was said of Sentinels.
 *
 * @param host What was said.
 * @param tls How to speak TLS, if they do.
 * @throws {TypeError} When something is missing.
 */
export function sentinelAddress(host: RedisSentinelHost, tls: RedisTlsOptions): SentinelAddress {
  const { sentinels, master, username, password, database = 0 } = host;
  if (!Array.isArray(sentinels) || sentinels.length === 0 || !master) {
    throw new TypeError("Sentinels need addresses and a master: redis+sentinel://HOST:PORT/MASTER");
  }
  const withTls = { tls: host.tls ? tls : undefined };
  return {
    kind: "sentinel",
    name: `redis+sentinel://${sentinels.join()}/${master}${database ? `/${database}` : ""}`,
    sentinels: sentinels.map((sentinel) => endpointOf(sentinel, 26379)),
    sentinelAccess: {
      username: host.sentinelUsername,
      password: host.sentinelPassword,
      ...withTls,
    },
    master,
    database,
    username,
    password,
    ...withTls,
  };
}

/** @throws {TypeError} If a text isn't a host and perhaps a port; it is not quoted: see `redis_url.ts`. */
export function endpointOf(text: string, defaultPort: number): Endpoint {
  const [, host = "", port = defaultPort] =
    /^(\[[^\]@]+\]|[^:[\]@/?#\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host && Number(port) < 65536) {
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new TypeError("a host of Redis must be HOST or HOST:PORT, with a port up to 65535");
}
