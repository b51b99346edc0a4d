import { ChannelsError, LayerConfigurationError, LayerUnavailableError } from "../../../errors.ts";
import type { Access, Endpoint } from "../address.ts";

/** What only a person can mend, by how Redis begins its answer. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS|invalid password/, "user or password are wrong"],
  [
    /^NOAUTH|unauthenticated/,
    "it asks for a password: give one in the URL, redis://USER:PASSWORD@HOST",
  ],
  [/^NOPERM/, "its access rules refuse this user"],
  [/altnames|ERR_TLS_CERT_ALTNAME/, "its certificate is for another name"],
  [/fatal alert: \w*(Certificate|CA)/, "it refuses our certificate: give one with cert and key"],
  [/certificate/, "its certificate isn't trusted: name its authority with ca"],
  [/wrong version number|InvalidContentType/, "it speaks no TLS: its URL starts with redis://"],
  [/DB index is out of range/, "it has no database of that number"],
  [
    /AUTH <password> called without any password|Client sent AUTH, but no password/,
    "it has no password: give the URL without the password",
  ],
  [
    /wrong number of arguments for 'auth'/i,
    "it knows no users: give the password alone, redis://:PASSWORD@HOST",
  ],
  [/cluster support disabled/, "it is no cluster: its URL starts with redis://"],
  [/^MOVED|^CROSSSLOT/, "it is one of a cluster: the URL starts with redis+cluster://"],
  [/^WRONGTYPE/, "another program has put something else under the key"],
  [/unknown command/, "it doesn't know a command that is needed: is it Redis 5 or later?"],
];

/** The same for a server that hasn't answered yet. */
const NO_REDIS = [/Unknown RESP type/, "it speaks no Redis"] as const;

/** How the message begins when a connection ends before its server has answered anything. */
export const FIRST_WORDS = "before its first answer: ";

/** What passes by itself, in plainer words than the client's. */
const UNAVAILABLE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|ENOENT/, "nothing listens there"],
  [/ENOTFOUND|EAI_AGAIN/, "no such host"],
  [
    /^before its first answer: .*(Socket closed|ECONNRESET|EPIPE)/,
    "it ends the connection at once: does it want TLS, as rediss://?",
  ],
  [
    /Disconnects client|client is closed|no answer in time/i,
    "the connection was closed, or gave no answer in time",
  ],
  [/Socket closed unexpectedly|ECONNRESET|EPIPE/, "the connection was lost"],
  [/^OOM/, "its memory is full"],
  [/^LOADING/, "it is still loading its data"],
  [/^READONLY/, "it is a replica, which nothing can be sent to"],
  [/^UNBLOCKED|^MASTERDOWN/, "another server takes its place"],
  [/^TRYAGAIN/, "its keys are being moved"],
  [/^CLUSTERDOWN/, "a part of the cluster is down"],
];

/**
 * Says what a failure means for the layer.
 *
 * @param error What the client threw.
 * @param layer What the server is called.
 * @param wasSent Whether a command was on its way.
 * @param isKnown Whether the server has spoken Redis before: then what is none is the network's fault.
 */
export function explain(error: unknown, layer: string, wasSent: boolean, isKnown = false): Error {
  if (error instanceof ChannelsError) return error;
  const text = messageOf(error);
  const flag = missingFlag(text);
  if (flag) {
    const reason = `Deno was not given the permission: run it again with ${flag}`;
    return new LayerConfigurationError({ layer, reason, cause: error });
  }
  const detail = text.replace(FIRST_WORDS, "").replaceAll(/\s+/g, " ").slice(0, 200);
  for (const [pattern, reason] of isKnown ? UNUSABLE : [...UNUSABLE, NO_REDIS]) {
    if (!pattern.test(text)) continue;
    return new LayerConfigurationError({ layer, reason: `${reason} (${detail})`, cause: error });
  }
  const reason = UNAVAILABLE.find(([pattern]) => pattern.test(text))?.[1];
  const options = { cause: error, outcomeUnknown: wasSent && !isReply(error) };
  return new LayerUnavailableError({
    layer,
    reason: reason ? `${reason} (${detail})` : detail,
    ...options,
  });
}

/** The flag that gives Deno the permission that a text says to be missing. */
function missingFlag(text: string): string | undefined {
  const [, kind, what] = /Requires (\w+) access to "?([^",]+)/.exec(text) ?? [];
  return kind && `--allow-${kind}=${what}`;
}

/** Whether it is Deno that doesn't allow to use the server. */
export function isNotPermitted(error: unknown): boolean {
  return error instanceof LayerConfigurationError && error.cause instanceof Error &&
    missingFlag(error.cause.message) !== undefined;
}

/** The parts of a text that are known here, and by which `explain()` says what it means. */
export function knownWords(text: string): string {
  const words = [...UNUSABLE, NO_REDIS, ...UNAVAILABLE].map(([pattern]) => pattern.exec(text)?.[0]);
  return words.filter((word) => word !== undefined).join(" ");
}

/** Whether the server itself said no, rather than being out of reach: its words begin in capitals. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && /^-?[A-Z]{3,}\b/.test(error.message);
}

/** How a server answers that takes nothing and gives nothing for now. */
const NOT_READY = /^(LOADING|READONLY|MASTERDOWN|UNBLOCKED|NOREPLICAS|MISCONF|BUSY)\b/;

/** Whether a server can't be reached, or isn't ready, rather than refusing one command. */
export function isAway(error: unknown): error is LayerUnavailableError {
  if (!(error instanceof LayerUnavailableError)) return false;
  return !isReply(error.cause) || NOT_READY.test(String((error.cause as Error).message));
}

/** Whether a server said that another one has taken its place. */
export function isDemotion(error: unknown): boolean {
  return error instanceof Error && /^(READONLY|UNBLOCKED|MASTERDOWN)/.test(error.message);
}

/** Whether a command failed because its key holds something else than a sorted set. */
export function isWrongType(error: unknown): boolean {
  return error instanceof LayerConfigurationError && error.cause instanceof Error &&
    error.cause.message.startsWith("WRONGTYPE");
}

/** Whether a command failed because its keys are just being moved from server to server. */
export function isMoving(error: unknown): boolean {
  return error instanceof LayerUnavailableError && error.cause instanceof Error &&
    error.cause.message.startsWith("TRYAGAIN");
}

/** Whether a command failed because the server doesn't know the script (any more). */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof LayerUnavailableError && error.cause instanceof Error &&
    error.cause.message.startsWith("NOSCRIPT");
}

/** A host with several addresses gives one error for each, without a message of its own. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message) return error.message;
  return error instanceof AggregateError ? String(error.errors[0]?.message) : error.name;
}

/** So many characters of a password in a row are taken for a part of it. */
const PIECE = 4;

/** Redis repeats the arguments of a command that it doesn't know: a password, or a message. */
const ECHO = /,? with args beginning with:.*$/is;

/** These replies say where a key is, and nothing else. */
const REDIRECTION = /^(MOVED|ASK) \d+ \S+$/;

/** The names of replies that only Redis gives, so that they aren't taken for a part of a password. */
const CODE =
  /^-?(ERR|WRONGPASS|NOAUTH|NOPERM|LOADING|READONLY|MASTERDOWN|UNBLOCKED|NOREPLICAS|MISCONF|BUSY|OOM|NOSCRIPT|WRONGTYPE|TRYAGAIN|CLUSTERDOWN|CROSSSLOT|MOVED|ASK|EXECABORT)\b/;

/** What is said in the place of a text that holds a part of a password. */
const LEFT_OUT = "the server's words are left out, since they repeat a part of the password";

/**
 * Makes the error that leaves the client of one that node-redis, or the system, gave: it holds no
 * password, no argument of a command, and nothing else that the other one may hold.
 *
 * @param error What went wrong.
 * @param access With which password.
 * @param endpoints Where it may have gone wrong.
 */
export function failureOf(
  error: unknown,
  { username, password }: Access,
  endpoints: readonly Endpoint[] = [],
): Error {
  const { name, code } = Object(error) as { readonly name?: string; readonly code?: unknown };
  const text = messageOf(error).replace(ECHO, "");
  // What has a code is the system's, which knows no password.
  const isServers = typeof code !== "string" && name !== "NotCapable";
  const secret = password || username || "";
  const hides = isServers && !REDIRECTION.test(text) && holds(text, secret);
  const failure = new Error(hides ? withoutWords(text, secret) : withPort(text, endpoints));
  if (typeof name === "string") failure.name = name;
  return typeof code === "string" ? Object.assign(failure, { code }) : failure;
}

/** What is left of a text is what we know Redis to say, whatever the password. */
function withoutWords(text: string, secret: string): string {
  const [first = ""] = /^-?[A-Z]{3,}\b/.exec(text) ?? [];
  const code = first && (CODE.exec(text)?.[0] ?? (holds(first, secret) ? "ERR" : first));
  return `${code} ${knownWords(text)} (${LEFT_OUT})`.trimStart();
}

function holds(text: string, secret: string): boolean {
  if (secret === "") return false;
  const length = Math.min(PIECE, secret.length);
  for (let at = 0; at + length <= secret.length; at++) {
    if (text.includes(secret.slice(at, at + length))) return true;
  }
  return false;
}

/** The resolver says which name it may not look up, but not for which port. */
function withPort(text: string, endpoints: readonly Endpoint[]): string {
  const [, host] = /^getaddrinfo EPERM (\S+)/.exec(text) ?? [];
  if (host === undefined) return text;
  const endpoint = endpoints.find((known) => "host" in known && known.host === host);
  const port = endpoint && "port" in endpoint ? `:${endpoint.port}` : "";
  return `Requires net access to "${host}${port}"`;
}
