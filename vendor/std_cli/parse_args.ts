/**
 * A stand-in for the part of `@std/cli/parse-args` that this project uses.
 *
 * @module
 */

import { readFlag } from "./flags.ts";
import { Run } from "./run.ts";
import type {
  Aliases,
  Args,
  BooleanType,
  Defaults,
  NameType,
  ParseOptions,
  Values,
} from "./types.ts";

export type { Args, ParseOptions } from "./types.ts";

/**
 * Reads command line arguments: `--key value`, `--key=value`, `-k value`,
 * `-k4`, `-abc`; what is no option ends up in `_`, as does all after `--`.
 * Values that look like numbers become numbers, unless declared as strings.
 */
export function parseArgs<
  TDoubleDash extends boolean | undefined = undefined,
  TBooleans extends BooleanType = undefined,
  TStrings extends NameType = undefined,
  TCollectable extends NameType = undefined,
  TNegatable extends NameType = undefined,
  TDefaults extends Defaults = undefined,
  TAliases extends Aliases<TAliasArgNames, TAliasNames> | undefined = undefined,
  TAliasArgNames extends string = string,
  TAliasNames extends string = string,
>(
  args: readonly string[],
  options?: ParseOptions<
    TBooleans,
    TStrings,
    TCollectable,
    TNegatable,
    TDefaults,
    TAliases,
    TDoubleDash
  >,
): Args<
  Values<TBooleans, TStrings, TCollectable, TNegatable, TDefaults, TAliases>,
  TDoubleDash
>;
export function parseArgs(
  args: readonly string[],
  options: ParseOptions = {},
): Record<string, unknown> {
  const run = new Run(options);
  const end = args.indexOf("--");
  const rest = end === -1 ? [] : args.slice(end + 1);
  readAll(run, end === -1 ? args : args.slice(0, end), options.stopEarly);
  run.fill(options.default ?? {});
  if (options["--"]) run.result["--"] = rest;
  else run.positionals.push(...rest);
  return run.result;
}

function readAll(run: Run, args: readonly string[], stopEarly = false): void {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? "";
    if (arg.startsWith("-") && arg !== "-") {
      if (readFlag(run, arg, args[at + 1])) at++;
      continue;
    }
    run.takePositional(arg);
    if (stopEarly) {
      run.positionals.push(...args.slice(at + 1));
      return;
    }
  }
}
