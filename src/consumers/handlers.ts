import { NoHandlerError } from "../errors/mod.ts";
import type { Message, StandardSchema } from "../protocol/mod.ts";

/** A handler of a consumer. */
export interface Handler {
  /** The method, called with the consumer as `this`. */
  readonly method: (this: object, event: unknown) => unknown;
  /** The schema of its events, if the class has one. */
  readonly schema: StandardSchema | undefined;
}

/** The classes of this package that users extend: their prototypes, and the names that they reserve. */
const bases = new WeakMap<object, RegExp | undefined>();

/**
 * Registers a class of this package: events cannot call its methods.
 *
 * @param reserved The names of other methods that events cannot call.
 */
export function defineBase(base: { readonly prototype: object }, reserved?: RegExp): void {
  bases.set(base.prototype, reserved);
}

/** The handlers by the name that a type selects: with `_` for each `.`. */
type HandlerTable = ReadonlyMap<string, Handler>;

/** The tables by the prototype of the user's class. */
const tables = new WeakMap<object, HandlerTable>();

/**
 * Returns the handler of a consumer for an event.
 *
 * @throws {NoHandlerError} If there is no handler for its type.
 */
export function handlerFor(consumer: object, { type }: Message): Handler {
  const table = tableOf(Object.getPrototypeOf(consumer));
  const handler = table.get(nameOf(type));
  if (handler) return handler;
  throw new NoHandlerError({ consumer: consumer.constructor.name, type, known: [...table.keys()] });
}

function tableOf(prototype: object): HandlerTable {
  const known = tables.get(prototype);
  if (known) return known;
  const table = handlersOf(prototype);
  tables.set(prototype, table);
  return table;
}

/**
 * Returns the methods that the user's own classes declare.
 *
 * Methods that a class of this package has as well, even if the user overrides them, and those whose
 * name starts with `_` are left out: events must not call them.
 */
function handlersOf(consumer: object): HandlerTable {
  const table = new Map<string, Handler>();
  const schemas = schemasOf(consumer.constructor);
  const base = baseOf(consumer);
  const reserved = bases.get(base);
  for (let level = consumer; level !== base; level = Object.getPrototypeOf(level)) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      const name = nameOf(key);
      if (typeof value !== "function" || name.startsWith("_") || key in base) continue;
      if (!reserved?.test(name) && !table.has(name)) {
        table.set(name, { method: value, schema: schemas.get(name) });
      }
    }
  }
  return table;
}

/** Returns the prototype of the class of this package that a consumer's class extends. */
function baseOf(prototype: object): object {
  let level = prototype;
  while (!bases.has(level)) level = Object.getPrototypeOf(level);
  return level;
}

/** Returns the static `schemas` of a class, by the names of the handlers. */
function schemasOf(consumer: object): ReadonlyMap<string, StandardSchema> {
  const { schemas = {} } = consumer as { readonly schemas?: Record<string, StandardSchema> };
  return new Map(Object.entries(schemas).map(([name, schema]) => [nameOf(name), schema]));
}

/** Returns the name of the handler for a type: the rule of Channels. */
function nameOf(type: string): string {
  return type.includes(".") ? type.replaceAll(".", "_") : type;
}
