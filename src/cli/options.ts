import { parseArgs } from "@std/cli/parse-args";
import { checkChannelName } from "../layers/internal.ts";
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

/** The switches of the program and of each command. */
const COMMON = {
  switches: ["help", "version"],
  short: { h: "help", V: "version" },
};

/**
 * Reads the arguments of a command.
 *
 * @throws {UsageError} At an unknown option, one without its value, or a switch with one.
 */
export function readOptions(args: readonly string[], own: OptionNames): Options {
  const names = {
    values: own.values,
    switches: [...own.switches, ...COMMON.switches],
    short: { ...own.short, ...COMMON.short },
  };
  checkOptions(args, names);
  const parsed = parseArgs([...args], {
    string: ["_", ...names.values],
    boolean: names.switches,
    alias: names.short,
  }) as Readonly<Record<string, unknown>>;
  for (const name of names.values) {
    if (parsed[name] === "") throw new UsageError(`${longAndShort(name, names)} needs a value`);
  }
  return {
    positionals: (parsed._ as unknown[]).map(String),
    value: (name) => parsed[name] as string | undefined,
    has: (name) => parsed[name] === true,
  };
}

/** The parser is lenient; a worker that was started with a typo in its options would be a trap. */
function checkOptions(args: readonly string[], names: OptionNames): void {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  options.forEach((arg, at) => {
    if (!arg.startsWith("-") || arg === "-") return;
    const isSwitch = arg.startsWith("--") ? checkLong(arg, names) : checkShort(arg, names);
    // The parser would take it for the value.
    const next = options[at + 1];
    if (isSwitch && (next === "true" || next === "false")) refuseValue(nameOf(arg, names));
  });
}

/** Checks `--name` and `--name=value`; gives whether it is a switch. */
function checkLong(arg: string, names: OptionNames): boolean {
  const [, name = "", value] = /^--([^=]*)(=.*)?$/s.exec(arg) ?? [];
  if (names.values.includes(name)) return false;
  if (!names.switches.includes(name)) refuse(`--${name}`, names);
  if (value !== undefined) refuseValue(name);
  return true;
}

/** Checks `-q`, `-qv`, `-c 4`, `-c4` and `-c=4`; gives whether it ends in a switch. */
function checkShort(arg: string, names: OptionNames): boolean {
  const isSwitch = (letter: string) => names.switches.includes(longOf(letter, names));
  const [, letters = "", rest = ""] = /^-([a-z]*)(.*)$/is.exec(arg) ?? [];
  const unknown = letters === "" ? rest.charAt(0) : [...letters].find((one) => !longOf(one, names));
  if (unknown !== undefined) refuse(`-${unknown}`, names);
  if (rest === "" && [...letters.slice(0, -1)].every(isSwitch)) return isSwitch(letters.at(-1)!);
  const takesRest = letters.length === 1 && !isSwitch(letters) && /^=|^-?[\d.]+$/.test(rest);
  if (takesRest) return false;
  const shown = arg.includes("@") ? `-${letters}` : arg;
  throw new UsageError(`${shown} must be written as several options: ${knownNames(names)}`);
}

function nameOf(arg: string, names: OptionNames): string {
  return arg.startsWith("--") ? arg.slice(2) : longOf(arg.at(-1)!, names);
}

function longOf(letter: string, { short }: OptionNames): string {
  return Object.hasOwn(short, letter) ? short[letter] ?? "" : "";
}

function refuseValue(name: string): never {
  throw new UsageError(`--${name} takes no value`);
}

/** @throws {UsageError} That names the option, and those that are known. */
function refuse(shown: string, names: OptionNames): never {
  throw new UsageError(`unknown option ${shown}: ${knownNames(names)}`);
}

function knownNames(names: OptionNames): string {
  const all = [...names.values, ...names.switches].map((name) => longAndShort(name, names));
  return `known are ${all.join(", ")}`;
}

function longAndShort(name: string, { short }: OptionNames): string {
  const letter = Object.keys(short).find((key) => short[key] === name);
  return letter === undefined ? `--${name}` : `-${letter}/--${name}`;
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
  const kind = whole ? "whole number" : "number";
  throw new UsageError(`--${name} must be a ${kind} from ${least}: ${quotable(text)}`);
}

/** What an error may quote of an argument: a URL in the wrong place may hold a password. */
export function quotable(text: string): string {
  return looksLikeUrl(text) ? "a URL" : text;
}

/** Whether an argument is a URL, or was meant to be one. */
export function looksLikeUrl(text: string): boolean {
  return /^[\w+.-]*:?\/\/|^[^\s{["]*@/.test(text);
}

/** @throws {UsageError} When it can't be the name of a channel. */
export function checkChannel(channel: string): void {
  if (looksLikeUrl(channel)) {
    throw new UsageError("there is a URL of a layer in the place of a channel: use --layer");
  }
  try {
    checkChannelName(channel);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
