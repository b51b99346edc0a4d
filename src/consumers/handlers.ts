/** A handler of a consumer, called with the consumer as `this`. */
export type Handler = (this: object, event: unknown) => unknown;

/** Handlers by the name that a type stands for: with `_` for each `.`. */
export type HandlerTable = ReadonlyMap<string, Handler>;

/**
 * Collects the methods that the user's own classes declare, down to a base class of ours.
 *
 * None that the base class has as well counts, not even when the user overrides it, and none whose
 * name starts with `_`: events from outside must not reach them.
 */
export function handlersOf(consumer: object, base: object): HandlerTable {
  const table = new Map<string, Handler>();
  for (let level = consumer; level !== base; level = Object.getPrototypeOf(level)) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      const name = nameOf(key);
      if (typeof value !== "function" || name.startsWith("_") || key in base) continue;
      if (!table.has(name)) table.set(name, value);
    }
  }
  return table;
}

/** The name of the handler for a type: Channels' rule. */
export function nameOf(type: string): string {
  return type.includes(".") ? type.replaceAll(".", "_") : type;
}
