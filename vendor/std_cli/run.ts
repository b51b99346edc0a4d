import { isDeclared, type Names, readNames } from "./names.ts";
import { has, type Level, put } from "./result.ts";
import type { ParseOptions } from "./types.ts";

/** One call of `parseArgs`: what was declared, and what was found so far. */
export class Run {
  readonly names: Names;
  readonly positionals: Array<string | number> = [];
  readonly result: Level = { _: this.positionals };
  readonly #unknown: NonNullable<ParseOptions["unknown"]>;

  constructor(options: ParseOptions) {
    this.names = readNames(options);
    this.#unknown = options.unknown ?? (() => true);
  }

  /** Takes the value of an option, as it was found in `arg`. */
  take(
    key: string,
    value: string | boolean,
    arg: string,
    collect = true,
  ): void {
    const declared = isDeclared(this.names, key, arg);
    if (!declared && this.#unknown(arg, key, value) === false) return;
    const { collected, strings } = this.names;
    const read = strings.has(key) ? value : asNumber(value);
    this.#put(key, read, collect && collected.has(key));
  }

  /** Takes an option that came without a value. */
  takeBare(key: string, arg: string): void {
    this.take(key, this.names.strings.has(key) ? "" : true, arg);
  }

  /** Takes an argument that is no option. */
  takePositional(arg: string): void {
    if (this.#unknown(arg) === false) return;
    this.positionals.push(this.names.strings.has("_") ? arg : asNumber(arg));
  }

  /** Fills in what was not given. */
  fill(defaults: Record<string, unknown>): void {
    const { booleans, collected, strings } = this.names;
    for (const [key, value] of Object.entries(defaults)) {
      if (!has(this.result, key)) this.#put(key, value);
    }
    for (const key of booleans) {
      this.#fillOne(key, collected.has(key) ? [] : false);
    }
    for (const key of strings) {
      if (collected.has(key)) this.#fillOne(key, []);
    }
  }

  #fillOne(key: string, value: unknown): void {
    if (!has(this.result, key)) put(this.result, key, value);
  }

  #put(key: string, value: unknown, collect = false): void {
    for (const name of [key, ...this.names.aliases.get(key) ?? []]) {
      put(this.result, name, value, collect);
    }
  }
}

/** Reads text that looks like a finite number as one. */
function asNumber<T extends string | boolean>(value: T): T | number {
  if (typeof value !== "string" || value.trim() === "") return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}
