import type { Access, Endpoint } from "../address.ts";
import { type FailureKind, RedisFailure } from "./failures.ts";

/** What the first word of an error reply means. */
const CODES: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>([
  ["ASK", "ask"],
  ["BUSY", "busy"],
  ["CLUSTERDOWN", "clusterDown"],
  ["CROSSSLOT", "crossSlot"],
  ["ERR", "rejected"],
  ["EXECABORT", "rejected"],
  ["LOADING", "loading"],
  ["MASTERDOWN", "demoted"],
  ["MISCONF", "cannotSave"],
  ["MOVED", "moved"],
  ["NOAUTH", "passwordRequired"],
  ["NOPERM", "accessDenied"],
  ["NOREPLICAS", "noReplicas"],
  ["NOSCRIPT", "noScript"],
  ["OOM", "outOfMemory"],
  ["READONLY", "readOnly"],
  ["TRYAGAIN", "moving"],
  ["UNBLOCKED", "demoted"],
  ["WRONGPASS", "wrongPassword"],
  ["WRONGTYPE", "wrongType"],
]);

type Patterns = readonly (readonly [RegExp, FailureKind])[];

/** What the rest of an error reply means whose code says nothing. */
const REPLIES: Patterns = [
  [/invalid password/, "wrongPassword"],
  [/unauthenticated/, "passwordRequired"],
  [/DB index is out of range/, "noDatabase"],
  [/AUTH <password> called without any password|Client sent AUTH, but no password/, "noPassword"],
  [/wrong number of arguments for 'auth'/i, "noUsers"],
  [/cluster support disabled/, "noCluster"],
  [/unknown command/, "unknownCommand"],
];

/** What the errors of the operating system, of TLS and of node-redis mean. */
const ERRORS: Patterns = [
  [/altnames|ERR_TLS_CERT_ALTNAME/, "certificateName"],
  [/fatal alert: \w*(Certificate|CA)/, "clientCertificate"],
  [/certificate/, "untrustedCertificate"],
  [/wrong version number|InvalidContentType/, "noTls"],
  [/Unknown RESP type/, "notRedis"],
  [/ECONNREFUSED/, "refused"],
  [/ENOENT/, "noSocket"],
  [/ENOTFOUND|EAI_AGAIN/, "unknownHost"],
  [/ETIMEDOUT|Connection timeout/, "timeout"],
  [/Disconnects client|client is closed/, "disconnected"],
  [/Socket closed unexpectedly|ECONNRESET|EPIPE/, "closed"],
  [/Too many Cluster redirections/, "moving"],
];

/** The code of an error reply; a script of Redis 5 or 6 may put a second `-` before it. */
const CODE = /^-?([A-Z]{3,})\b/;

/** An error reply that says where a key is, and nothing else. */
const REDIRECTION = /^(?:MOVED|ASK) \d+ (\S+)$/;

/** Redis repeats the arguments of an unknown command: a password, or a message. */
const ECHO = /,? with args beginning with:.*$/is;

/** What replaces a text that contains a part of a password. */
const OMITTED = "the text of the server is omitted because it repeats a part of the password";

/** So many consecutive characters of a password count as a part of it. */
const PIECE = 4;

/**
 * Returns the failure for an error of node-redis or of the operating system. This is the only place
 * that reads their texts.
 *
 * @param error What was thrown.
 * @param access The credentials that were used: the failure contains no part of the password.
 * @param endpoints The servers that may have caused it.
 */
export function classify(
  error: unknown,
  { username, password }: Access,
  endpoints: readonly Endpoint[],
): RedisFailure {
  if (error instanceof RedisFailure) return error;
  const { name, code } = Object(error) as { readonly name?: string; readonly code?: unknown };
  const text = textOf(error).replace(ECHO, "");
  // The operating system and Deno know no password.
  if (typeof code === "string" || name === "NotCapable") {
    return systemFailure(text, typeof code === "string" ? code : undefined, endpoints);
  }
  const [, word] = CODE.exec(text) ?? [];
  const kind = word === undefined ? kindIn(ERRORS, text) ?? "unknown" : replyKind(word, text);
  const [, redirect] = REDIRECTION.exec(text) ?? [];
  const secret = password || username || "";
  const detail = redirect === undefined && contains(text, secret) ? redacted(word, secret) : text;
  return new RedisFailure(kind, detail, { isReply: word !== undefined, redirect });
}

function systemFailure(
  text: string,
  code: string | undefined,
  endpoints: readonly Endpoint[],
): RedisFailure {
  const flag = missingFlag(text, endpoints);
  if (flag !== undefined) return new RedisFailure("notPermitted", flag, { code });
  return new RedisFailure(kindIn(ERRORS, `${code} ${text}`) ?? "unknown", text, { code });
}

function replyKind(code: string, text: string): FailureKind {
  const kind = CODES.get(code) ?? "rejected";
  return kind === "rejected" ? kindIn(REPLIES, text) ?? kind : kind;
}

function kindIn(patterns: Patterns, text: string): FailureKind | undefined {
  return patterns.find(([pattern]) => pattern.test(text))?.[1];
}

/** A host with several addresses fails with one error for each, without a message of its own. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message) return error.message;
  return error instanceof AggregateError ? String(error.errors[0]?.message) : error.name;
}

/** Returns the flag for the permission that Deno says is missing. */
function missingFlag(text: string, endpoints: readonly Endpoint[]): string | undefined {
  const [, kind, what] = /Requires (\w+) access to "?([^",]+)/.exec(text) ?? [];
  if (kind !== undefined) return `--allow-${kind}=${what}`;
  // The resolver names the host that it was not permitted to look up, but not the port.
  const [, host] = /^getaddrinfo EPERM (\S+)/.exec(text) ?? [];
  if (host === undefined) return undefined;
  const endpoint = endpoints.find((known) => "host" in known && known.host === host);
  return `--allow-net=${host}${endpoint && "port" in endpoint ? `:${endpoint.port}` : ""}`;
}

function contains(text: string, secret: string): boolean {
  if (secret === "") return false;
  const length = Math.min(PIECE, secret.length);
  for (let at = 0; at + length <= secret.length; at++) {
    if (text.includes(secret.slice(at, at + length))) return true;
  }
  return false;
}

/** Returns a known code of Redis even if the password contains it: it cannot be a part of that. */
function redacted(code: string | undefined, secret: string): string {
  if (code === undefined) return OMITTED;
  return `${CODES.has(code) || !contains(code, secret) ? code : "ERR"} (${OMITTED})`;
}
