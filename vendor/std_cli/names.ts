import type { Aliases, ParseOptions } from "./types.ts";

/** The options that the caller declared, each under all of its names. */
export interface Names {
  aliases: Map<string, Set<string>>;
  allBooleans: boolean;
  booleans: Set<string>;
  strings: Set<string>;
  collected: Set<string>;
  negatable: Set<string>;
}

export function readNames(options: ParseOptions): Names {
  const aliases = readAliases(options.alias ?? {});
  const { boolean, string, collect, negatable } = options;
  return {
    aliases,
    allBooleans: boolean === true,
    booleans: named(typeof boolean === "boolean" ? [] : boolean, aliases),
    strings: named(string, aliases),
    collected: named(collect, aliases),
    negatable: named(negatable, aliases),
  };
}

/** Whether the option, or one of its aliases, was declared a boolean. */
export function isBoolean(names: Names, key: string): boolean {
  return names.booleans.has(key) ||
    [...names.aliases.get(key) ?? []].some((name) => names.booleans.has(name));
}

/** Whether the caller declared the option in any way. */
export function isDeclared(names: Names, key: string, arg: string): boolean {
  const { aliases, booleans, strings, collected } = names;
  return [aliases, booleans, strings, collected].some((it) => it.has(key)) ||
    (names.allBooleans && /^--[^=]+$/.test(arg));
}

/** Maps every name of an option to its other names. */
function readAliases(alias: Aliases): Map<string, Set<string>> {
  const table = new Map<string, Set<string>>();
  for (const [key, value] of Object.entries(alias)) {
    if (value === undefined) throw new TypeError(`Alias of ${key} is undefined`);
    const all = [key, ...list(value)];
    for (const name of all) {
      table.set(name, new Set(all.filter((other) => other !== name)));
    }
  }
  return table;
}

function named(
  declared: string | readonly string[] | undefined,
  aliases: Map<string, Set<string>>,
): Set<string> {
  const names = list(declared ?? []).filter((name) => name !== "");
  return new Set(
    names.flatMap((name) => [name, ...aliases.get(name) ?? []]),
  );
}

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}
