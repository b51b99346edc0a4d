import { parseArgs } from "@std/cli/parse-args";
import { checkChannelName } from "../layers/mod.ts";
import { UsageError } from "./terminal.ts";

/** The options of a command: which take a value, which don't, and their short forms. */
export interface OptionNames {
  readonly values: readonly string[];
  readonly switches: readonly string[];
  readonly short: Readonly<Record<string, string>>;
}

/** What a command line says. */
export interface Options {
  readonly positionals: readonly string[];
  /** The value of an option; `undefined` when it wasn't given. */
  readonly value: (name: string) => string | undefined;
  /** Whether a switch was given. */
  readonly has: (name: string) => boolean;
}

/**
 * Reads the arguments of a command.
 *
 * @throws {UsageError} At an unknown option, or one without its value.
 */
export function readOptions(args: readonly string[], names: OptionNames): Options {
  const parsed = parseArgs([...args], {
    string: ["_", ...names.values],
    boolean: [...names.switches],
    alias: { ...names.short },
    unknown: (arg, key) => key === undefined || refuse(arg, names),
  }) as Readonly<Record<string, unknown>>;
  for (const name of names.values) {
    if (parsed[name] === "") throw new UsageError(`--${name} needs a value`);
  }
  return {
    positionals: (parsed._ as unknown[]).map(String),
    value: (name) => parsed[name] as string | undefined,
    has: (name) => parsed[name] === true,
  };
}

function refuse(arg: string, { values, switches }: OptionNames): never {
  const known = [...values, ...switches].map((name) => `--${name}`).join(", ");
  throw new UsageError(`unknown option ${arg}: known are ${known}`);
}

/**
 * Reads a number that an option has.
 *
 * @throws {UsageError} When it is no number, or a smaller one.
 */
export function numberOption(
  options: Options,
  name: string,
  { least, otherwise, whole }: {
    readonly least: number;
    readonly otherwise: number;
    readonly whole: boolean;
  },
): number {
  const text = options.value(name);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== "" && value >= least && (whole ? Number.isSafeInteger(value) : value < 1e6)) {
    return value;
  }
  throw new UsageError(`--${name} must be a ${whole ? "whole " : ""}number from ${least}: ${text}`);
}

/** @throws {UsageError} When it can't be the name of a channel. */
export function checkChannel(channel: string): void {
  try {
    checkChannelName(channel);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
