import { NoHandlerError } from "../errors.ts";
import type { Message } from "../protocol/mod.ts";

/** A handler of a consumer, called with the consumer as `this`. */
export type Handler = (this: object, event: unknown) => unknown;

/** A class of ours that users extend. */
type Base = { readonly prototype: object };

/** Handlers by the name that a type stands for: with `_` for each `.`. */
type HandlerTable = ReadonlyMap<string, Handler>;

/** By the prototype of the user's class. */
const tables = new WeakMap<object, HandlerTable>();

/**
 * Finds the handler of a consumer for an event.
 *
 * @param base The class of ours that it extends: what that has is out of reach.
 * @throws {NoHandlerError} When there is none for its type.
 */
export function handlerFor(consumer: object, base: Base, { type }: Message): Handler {
  const table = tableOf(Object.getPrototypeOf(consumer), base);
  const handler = table.get(nameOf(type));
  if (handler) return handler;
  throw new NoHandlerError({ consumer: consumer.constructor.name, type, known: [...table.keys()] });
}

function tableOf(prototype: object, base: Base): HandlerTable {
  const known = tables.get(prototype);
  if (known) return known;
  const table = handlersOf(prototype, base.prototype);
  tables.set(prototype, table);
  return table;
}

/**
 * Collects the methods that the user's own classes declare, down to a base class of ours.
 *
 * None that the base class has as well counts, not even when the user overrides it, and none whose
 * name starts with `_`: events from outside must not reach them.
 */
function handlersOf(consumer: object, base: object): HandlerTable {
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
function nameOf(type: string): string {
  return type.includes(".") ? type.replaceAll(".", "_") : type;
}
