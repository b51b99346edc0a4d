/**
 * How many messages a channel may hold, by a glob (`*`, `?`, `[abc]`) or a pattern for its name. A glob
 * takes linear time; what a `RegExp` takes is up to the one who writes it, and each send pays for it.
 */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | Iterable<readonly [pattern: string | RegExp, capacity: number]>;

/**
 * Returns the function that knows the capacity of each channel.
 *
 * @param patterns By glob or pattern; the first that matches the whole name counts.
 * @param otherwise The capacity of a channel that none matches.
 * @throws {RangeError} If a capacity is not a positive integer.
 */
export function capacityOf(
  patterns: ChannelCapacity,
  otherwise: number,
): (channel: string) => number {
  const entries = Symbol.iterator in patterns ? [...patterns] : Object.entries(patterns);
  const rules = entries.map(([pattern, capacity]) => {
    checkCapacity(capacity, `of ${pattern}`);
    return {
      matches: typeof pattern === "string" ? globMatcher(pattern) : startOf(pattern),
      capacity,
    };
  });
  if (rules.length === 0) return () => otherwise;
  return (channel) => rules.find(({ matches }) => matches(channel))?.capacity ?? otherwise;
}

/** @throws {RangeError} If it is not a positive integer. */
export function checkCapacity(capacity: number, of = ""): void {
  if (Number.isSafeInteger(capacity) && capacity > 0) return;
  throw new RangeError(`Capacity ${of} must be a positive integer: ${capacity}`.replace("  ", " "));
}

function startOf(pattern: RegExp): (name: string) => boolean {
  return (name) => name.search(pattern) === 0;
}

const ANY_NUMBER = "*";

/** What one character of a name has to be, or any number of characters. */
type GlobPart = typeof ANY_NUMBER | ((character: string) => boolean);

/** As in Python's `fnmatch`: `!` negates a class, and the whole name must match. */
function globMatcher(glob: string): (name: string) => boolean {
  const parts = Array.from(glob.matchAll(/\[(!?)([^\]]+)\]|[\s\S]/g), globPart);
  return (name) => matchesGlob(name, parts);
}

function globPart([part, not, set]: RegExpExecArray): GlobPart {
  if (set !== undefined) {
    const one = new RegExp(`^[${not ? "^" : ""}${set.replace(/[\\^]/g, "\\$&")}]$`);
    return (character) => one.test(character);
  }
  if (part === "*") return ANY_NUMBER;
  return part === "?" ? () => true : (character) => character === part;
}

/** Only the last `*` is ever tried again, one character further on: no other choice can help. */
function matchesGlob(name: string, parts: readonly GlobPart[]): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let retry = 0;
  while (at < name.length) {
    const part = parts[next];
    if (part === ANY_NUMBER) {
      star = next++;
      retry = at;
    } else if (part?.(name[at]!)) {
      at++;
      next++;
    } else if (star === -1) {
      return false;
    } else {
      at = ++retry;
      next = star + 1;
    }
  }
  return parts.slice(next).every((part) => part === ANY_NUMBER);
}
