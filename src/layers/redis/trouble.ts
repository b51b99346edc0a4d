import { LayerUnavailableError, LayerUnusableError } from "../../errors.ts";

/** What only a person can mend, by how Redis begins its answer. */
const UNUSABLE: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS|invalid password/, "user or password are wrong"],
  [
    /^NOAUTH|unauthenticated/,
    "it asks for a password: give one in the URL, redis://USER:PASSWORD@HOST",
  ],
  [/^NOPERM/, "its access rules refuse this user"],
  [/DB index is out of range/, "it has no database of that number"],
  [/Requires \w+ access/, "Deno was not given the permission"],
  [
    /unknown command/,
    "it doesn't know a command that is needed: is it Redis 7 or later, or Valkey?",
  ],
];

/** What passes by itself, in plainer words than the client's. */
const UNAVAILABLE: readonly (readonly [RegExp, string])[] = [
  [/ECONNREFUSED|ENOENT/, "nothing listens there"],
  [/ENOTFOUND|EAI_AGAIN/, "no such host"],
  [/Disconnects client|client is closed/i, "the connection was closed, or gave no answer in time"],
  [/Socket closed unexpectedly|ECONNRESET|EPIPE/, "the connection was lost"],
  [/^OOM/, "its memory is full"],
  [/^LOADING/, "it is still loading its data"],
];

/** Says what a failed command means for the layer. */
export function explain(error: unknown, layer: string): Error {
  const text = error instanceof Error ? messageOf(error) : String(error);
  const detail = `${text.replaceAll(/\s+/g, " ").slice(0, 200)}`;
  const options = { cause: error };
  for (const [pattern, reason] of UNUSABLE) {
    if (pattern.test(text)) return new LayerUnusableError(layer, `${reason} (${detail})`, options);
  }
  const reason = UNAVAILABLE.find(([pattern]) => pattern.test(text))?.[1];
  return new LayerUnavailableError(layer, reason ? `${reason} (${detail})` : detail, options);
}

/** Whether a command failed because the server doesn't know the script (any more). */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof LayerUnavailableError && error.cause instanceof Error &&
    error.cause.message.startsWith("NOSCRIPT");
}

/** A host with several addresses gives one error for each, without a message of its own. */
function messageOf(error: Error): string {
  if (error.message) return error.message;
  return error instanceof AggregateError ? String(error.errors[0]?.message) : error.name;
}
