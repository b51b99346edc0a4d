import {
  ChannelsError,
  LayerConfigurationError,
  LayerUnavailableError,
} from "../../../errors/mod.ts";

/** Failures that persist until the configuration is changed, and what to change. */
const CONFIGURATION = {
  notPermitted: "Deno was not given the permission: run it again with",
  wrongPassword: "wrong username or password",
  passwordRequired:
    "the server requires a password: add it to the URL, as in redis://USER:PASSWORD@HOST",
  noPassword: "the server has no password: remove it from the URL",
  noUsers:
    "the server does not support users: give only the password, as in redis://:PASSWORD@HOST",
  accessDenied: "the access rules of the server deny this user a command or a key",
  certificateName: "the certificate of the server is for another host name",
  clientCertificate: "the server rejected the client certificate: set cert and key",
  untrustedCertificate:
    "the certificate of the server is not trusted: set ca to its CA certificate",
  noTls: "the server does not use TLS: use a URL that starts with redis://",
  noDatabase: "the server has no database with this number",
  noCluster: "the server is not part of a cluster: use a URL that starts with redis://",
  moved: "the server is part of a cluster: use a URL that starts with redis+cluster://",
  crossSlot: "the server is part of a cluster: use a URL that starts with redis+cluster://",
  wrongType: "the key holds data of another type",
  unknownCommand: "the server does not support a command: Redis 5 or later is required",
  notRedis: "the server does not speak the Redis protocol",
} as const;

/** Failures that may pass by themselves; an empty reason is replaced by the client's text. */
const TEMPORARY = {
  refused: "connection refused",
  noSocket: "the socket does not exist",
  unknownHost: "host not found",
  closedImmediately:
    "the server closed the connection immediately; if it requires TLS, use rediss://",
  closed: "connection closed",
  disconnected: "the connection was closed before the reply arrived",
  timeout: "no reply in time",
  invalidReply: "the server sent an unexpected reply",
  outOfMemory: "the server is out of memory",
  loading: "the server is loading its data",
  readOnly: "the server is a read-only replica",
  demoted: "another server is taking over as the master",
  notMaster:
    "the server is no longer the master; its last reply is not used, because the new master may " +
    "deliver the same messages",
  moving: "the keys are being moved to another server",
  ask: "the keys are being moved to another server",
  clusterDown: "a part of the cluster is down",
  busy: "the server is busy with a script",
  noReplicas: "the server has too few replicas",
  cannotSave: "the server cannot save its data",
  noScript: "the server does not know the script",
  rejected: "",
  unknown: "",
} as const;

const REASONS = { ...CONFIGURATION, ...TEMPORARY };

/** What is wrong. */
export type FailureKind = keyof typeof REASONS;

/** Fields of a {@linkcode RedisFailure}. */
export interface FailureFacts {
  /** Whether the server replied with an error, and therefore has not run the command. */
  readonly isReply?: boolean;
  /** The code of an error of the operating system. */
  readonly code?: string | undefined;
  /** The `HOST:PORT` that the server redirects to. */
  readonly redirect?: string | undefined;
}

/**
 * What the code above the client is told of every failure, as a kind to switch on. It contains no
 * password and no argument of a command.
 */
export class RedisFailure extends Error {
  override readonly name = "RedisFailure";
  readonly kind: FailureKind;
  readonly isReply: boolean;
  readonly redirect: string | undefined;
  declare readonly code?: string;

  constructor(kind: FailureKind, detail = "", facts: FailureFacts = {}) {
    super(detail);
    this.kind = kind;
    this.isReply = facts.isReply ?? false;
    this.redirect = facts.redirect;
    if (facts.code !== undefined) this.code = facts.code;
  }
}

/** Options for {@linkcode layerError}. */
export interface LayerErrorOptions {
  /** The name of the layer. */
  readonly layer: string;
  /** Whether a command had been sent. */
  readonly wasSent: boolean;
  /** Whether the server has replied before: then other bytes are the network's fault. */
  readonly hasReplied?: boolean;
}

/** Returns the error of the layer for a failure; it returns an error of this library as it is. */
export function layerError(
  error: unknown,
  { layer, wasSent, hasReplied = false }: LayerErrorOptions,
): Error {
  if (error instanceof ChannelsError) return error;
  const failure = error instanceof RedisFailure ? error : new RedisFailure("unknown", `${error}`);
  const isGarbled = failure.kind === "notRedis" && hasReplied;
  const facts = {
    layer,
    reason: isGarbled ? detailOf(failure) : reasonOf(failure),
    cause: failure,
  };
  if (failure.kind in CONFIGURATION && !isGarbled) return new LayerConfigurationError(facts);
  return new LayerUnavailableError({ ...facts, outcomeUnknown: wasSent && !failure.isReply });
}

function reasonOf(failure: RedisFailure): string {
  const reason = REASONS[failure.kind];
  const detail = detailOf(failure);
  if (!reason || !detail) return reason || detail;
  return failure.kind === "notPermitted" ? `${reason} ${detail}` : `${reason} (${detail})`;
}

function detailOf({ message }: RedisFailure): string {
  return message.replaceAll(/\s+/g, " ").slice(0, 200);
}

/** Returns the failure that caused an error of a layer, if one did. */
export function failureOf(error: unknown): RedisFailure | undefined {
  if (error instanceof RedisFailure) return error;
  const cause = error instanceof ChannelsError ? error.cause : undefined;
  return cause instanceof RedisFailure ? cause : undefined;
}

/** Returns why an operation failed, without the text of the client or the server if possible. */
export function shortReason(error: unknown): string {
  const failure = failureOf(error);
  const reason = failure && REASONS[failure.kind];
  if (reason) return reason;
  return error instanceof LayerUnavailableError ? error.reason : String(error);
}

/** Error replies of a server that rejects everything for now. */
const NOT_READY: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "loading",
  "readOnly",
  "demoted",
  "noReplicas",
  "cannotSave",
  "busy",
]);

/** Returns whether a server is unreachable or not ready, rather than rejecting one command. */
export function isUnreachable(error: unknown): error is LayerUnavailableError {
  if (!(error instanceof LayerUnavailableError)) return false;
  const failure = failureOf(error);
  return !failure?.isReply || NOT_READY.has(failure.kind);
}

/** Returns whether a server replied that another one has replaced it as the master. */
export function isDemotion(error: unknown): boolean {
  const kind = failureOf(error)?.kind;
  return kind === "readOnly" || kind === "demoted";
}
