/** A level of the result; the option `a.b` sets `b` on the level `a`. */
export type Level = Record<string, unknown>;

/** Sets an option, or adds to the array of a collected one. */
export function put(
  result: Level,
  key: string,
  value: unknown,
  collect = false,
): void {
  const path = key.split(".");
  const last = path.pop() ?? "";
  const level = descend(result, path);
  if (!level || isReserved(level, last)) return;
  level[last] = collect ? added(own(level, last), value) : value;
}

/** Whether the option is in the result. */
export function has(result: Level, key: string): boolean {
  const path = key.split(".");
  const last = path.pop() ?? "";
  let level: unknown = result;
  for (const name of path) level = own(level, name);
  return isLevel(level) && Object.hasOwn(level, last);
}

/** The level at the end of a path, made on the way where it is missing. */
function descend(level: Level, path: string[]): Level | undefined {
  for (const name of path) {
    if (isReserved(level, name)) return undefined;
    const next = own(level, name) ?? (level[name] = {});
    if (!isLevel(next)) return undefined;
    level = next;
  }
  return level;
}

function added(values: unknown, value: unknown): unknown[] {
  if (Array.isArray(values)) return [...values, value];
  return values ? [values, value] : [value];
}

/** Names that would reach into the prototype of the result. */
function isReserved(level: Level, name: string): boolean {
  return name === "__proto__" ||
    (name === "constructor" && typeof level[name] === "function");
}

function own(level: unknown, name: string): unknown {
  return isLevel(level) && Object.hasOwn(level, name) ? level[name] : undefined;
}

function isLevel(value: unknown): value is Level {
  return typeof value === "object" && value !== null;
}
