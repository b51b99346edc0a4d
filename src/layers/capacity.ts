/** How many messages a channel may hold, by a glob (`*`, `?`, `[abc]`) or a pattern for its name. */
export type ChannelCapacity =
  | Readonly<Record<string, number>>
  | Iterable<readonly [pattern: string | RegExp, capacity: number]>;

/**
 * Makes the function that knows the capacity of each channel.
 *
 * @param patterns By glob or pattern; the first that matches the whole name counts.
 * @param otherwise The capacity of a channel that none matches.
 * @throws {RangeError} When a capacity is no positive integer.
 */
export function capacityOf(
  patterns: ChannelCapacity,
  otherwise: number,
): (channel: string) => number {
  const entries = Symbol.iterator in patterns ? [...patterns] : Object.entries(patterns);
  const rules = entries.map(([pattern, capacity]) => {
    checkCapacity(capacity, `of ${pattern}`);
    return { matches: typeof pattern === "string" ? globToRegExp(pattern) : pattern, capacity };
  });
  if (rules.length === 0) return () => otherwise;
  return (channel) =>
    rules.find(({ matches }) => channel.search(matches) === 0)?.capacity ?? otherwise;
}

/** @throws {RangeError} When it is no positive integer. */
export function checkCapacity(capacity: number, of = ""): void {
  if (Number.isSafeInteger(capacity) && capacity > 0) return;
  throw new RangeError(`Capacity ${of} must be a positive integer: ${capacity}`.replace("  ", " "));
}

/** As in Python's `fnmatch`: `!` negates a class, and the whole name must match. */
function globToRegExp(glob: string): RegExp {
  const source = glob.replace(/\[(!?)([^\]]+)\]|[\s\S]/g, (part, not?: string, set?: string) => {
    if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\^]/g, "\\$&")}]`;
    if (part === "*") return ".*";
    if (part === "?") return ".";
    return part.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`);
}
