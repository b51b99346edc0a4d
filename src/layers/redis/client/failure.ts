import type { Access, Endpoint } from "../address.ts";
import { knownWords, messageOf } from "../trouble.ts";

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
