/** Where a server listens. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

/** TLS options for servers whose certificates are not signed by a well-known CA. */
export interface RedisTlsOptions {
  /** The CA certificates to trust, as PEM; by default those of the system. */
  readonly ca?: string;
  /** The client certificate, as PEM, if the server requires one. */
  readonly cert?: string;
  /** The private key of the client certificate, as PEM. */
  readonly key?: string;
}

/** Credentials and encryption. */
export interface Access {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Without it, the connection is not encrypted. */
  readonly tls?: RedisTlsOptions | undefined;
}

/** The address of a single server. */
export interface ServerAddress extends Access {
  readonly kind: "server";
  /** The URL without secrets, for errors and logs. */
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly database: number;
}

/** The address of a master that Sentinels watch. */
export interface SentinelAddress extends Access {
  readonly kind: "sentinel";
  readonly name: string;
  readonly sentinels: readonly Endpoint[];
  readonly sentinelAccess: Access;
  readonly master: string;
  readonly database: number;
}

/** The address of a cluster. */
export interface ClusterAddress extends Access {
  readonly kind: "cluster";
  readonly name: string;
  /** Some of its servers, which know the others. */
  readonly roots: readonly Endpoint[];
}

/** Where keys are stored. */
export type Address = ServerAddress | SentinelAddress | ClusterAddress;

/** A master that Sentinels watch: what a URL can express, and the credentials for the Sentinels. */
export interface RedisSentinelHost {
  /** The Sentinels, as `"HOST"` or `"HOST:PORT"`; the default port is 26379. */
  readonly sentinels: readonly string[];
  /** The name of the master in the configuration of the Sentinels. */
  readonly master: string;
  /** The user name for the master; by default, the default user. */
  readonly username?: string;
  /** The password for the master. */
  readonly password?: string;
  /** The user name for the Sentinels. */
  readonly sentinelUsername?: string;
  /** The password for the Sentinels. */
  readonly sentinelPassword?: string;
  /**
   * The number of the database.
   *
   * @default {0}
   */
  readonly database?: number;
  /**
   * Whether the master and the Sentinels use TLS.
   *
   * @default {false}
   */
  readonly tls?: boolean;
}

/**
 * Returns the address of a master that Sentinels watch.
 *
 * @param tls Options for TLS, if it is used.
 * @throws {TypeError} If the Sentinels or the name of the master are missing.
 */
export function sentinelAddress(host: RedisSentinelHost, tls: RedisTlsOptions): SentinelAddress {
  const { sentinels, master, username, password, database = 0 } = host;
  if (!Array.isArray(sentinels) || sentinels.length === 0 || !master) {
    throw new TypeError(
      "Specify the Sentinels and the master, as in redis+sentinel://HOST:PORT/MASTER",
    );
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

/**
 * Reads `HOST` or `HOST:PORT`.
 *
 * @throws {TypeError} If it is invalid. The error does not quote it: it may be a part of a
 * password.
 */
export function endpointOf(text: string, defaultPort: number): Endpoint {
  const [, host = "", port = defaultPort] =
    /^(\[[^\]@]+\]|[^:[\]@/?#\s]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host && Number(port) < 65536) {
    return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new TypeError("a Redis host must be HOST or HOST:PORT, with a port up to 65535");
}
