import { parseArgs } from "@std/cli/parse-args";
import { checkChannelName } from "../layers/internal.ts";
import { UsageError } from "./terminal.ts";

/** The names of a command's options, and their short forms. */
export interface OptionNames {
  /** Those with a value. */
  readonly values: readonly string[];
  /** Those with several values: `--name A B` and `--name A --name B` are the same. */
  readonly lists?: readonly string[];
  /** Those without a value. */
  readonly switches: readonly string[];
  readonly short: Readonly<Record<string, string>>;
}

/** The arguments of a command. */
export interface Options {
  readonly positionals: readonly string[];
  /** Returns the value of an option, or `undefined` if it is absent. */
  readonly value: (name: string) => string | undefined;
  /** Returns the values of a list, or `undefined` if it is absent. */
  readonly list: (name: string) => readonly string[] | undefined;
  /** Returns whether a switch is present. */
  readonly has: (name: string) => boolean;
}

/** The switches of the program and of each command. */
const COMMON = {
  switches: ["help", "version"],
  short: { h: "help", V: "version" },
};

/**
 * Parses the arguments of a command.
 *
 * @throws {UsageError} If an option is unknown or lacks its value, or a switch has a value.
 */
export function readOptions(args: readonly string[], own: OptionNames): Options {
  const { lists = [] } = own;
  const names = {
    lists,
    values: [...own.values, ...lists],
    switches: [...own.switches, ...COMMON.switches],
    short: { ...own.short, ...COMMON.short },
  };
  checkOptions(args, names);
  const parsed = parseArgs(repeatLists(args, lists), {
    string: ["_", ...names.values],
    boolean: names.switches,
    collect: lists,
    alias: names.short,
  }) as Readonly<Record<string, unknown>>;
  for (const name of names.values) {
    if ([parsed[name]].flat().includes("")) {
      throw new UsageError(`${longAndShort(name, names)} needs a value`);
    }
  }
  return {
    positionals: (parsed._ as unknown[]).map(String),
    value: (name) => parsed[name] as string | undefined,
    list: (name) => {
      const values = parsed[name] as readonly string[];
      return values.length > 0 ? values : undefined;
    },
    has: (name) => parsed[name] === true,
  };
}

/** Repeats the name of a list before each of its values, as the parser expects it. */
function repeatLists(args: readonly string[], lists: readonly string[]): string[] {
  const repeated: string[] = [];
  let list: string | undefined;
  for (const arg of args) {
    const [, name = ""] = /^--([^=]+)/.exec(arg) ?? [];
    const isValue = !arg.startsWith("-");
    if (isValue && list !== undefined && repeated.at(-1) !== `--${list}`) {
      repeated.push(`--${list}`);
    }
    if (!isValue) list = lists.includes(name) ? name : undefined;
    repeated.push(arg);
  }
  return repeated;
}

/** The parser is lenient, but a worker must not start with a typo in its options. */
function checkOptions(args: readonly string[], names: OptionNames): void {
  const end = args.indexOf("--");
  const options = end === -1 ? args : args.slice(0, end);
  options.forEach((arg, at) => {
    if (!arg.startsWith("-") || arg === "-") return;
    const isSwitch = arg.startsWith("--") ? checkLong(arg, names) : checkShort(arg, names);
    // The parser would treat it as the value of the switch.
    const next = options[at + 1];
    if (isSwitch && (next === "true" || next === "false")) refuseValue(nameOf(arg, names));
  });
}

/** Checks `--name` and `--name=value`, and returns whether it is a switch. */
function checkLong(arg: string, names: OptionNames): boolean {
  const [, name = "", value] = /^--([^=]*)(=.*)?$/s.exec(arg) ?? [];
  if (names.values.includes(name)) return false;
  if (!names.switches.includes(name)) refuse(`--${name}`, names);
  if (value !== undefined) refuseValue(name);
  return true;
}

/** Checks `-q`, `-qv`, `-c 4`, `-c4` and `-c=4`, and returns whether it ends in a switch. */
function checkShort(arg: string, names: OptionNames): boolean {
  const isSwitch = (letter: string) => names.switches.includes(longOf(letter, names));
  const [, letters = "", rest = ""] = /^-([a-z]*)(.*)$/is.exec(arg) ?? [];
  const unknown = letters === "" ? rest.charAt(0) : [...letters].find((one) => !longOf(one, names));
  if (unknown !== undefined) refuse(`-${unknown}`, names);
  if (rest === "" && [...letters.slice(0, -1)].every(isSwitch)) return isSwitch(letters.at(-1)!);
  const takesRest = letters.length === 1 && !isSwitch(letters) && /^=|^-?[\d.]+$/.test(rest);
  if (takesRest) return false;
  const shown = arg.includes("@") ? `-${letters}` : arg;
  throw new UsageError(`${shown} must be split into separate options: ${knownNames(names)}`);
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

/** @throws {UsageError} With the unknown option, and the known ones. */
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

/** The kinds of numbers that options take. */
const NUMBER_KINDS = {
  "positive integer": (value: number) => Number.isSafeInteger(value) && value >= 1,
  "number of seconds from 0 to 1000000": (value: number) => value >= 0 && value <= 1e6,
  "port from 0 to 65535": (value: number) =>
    Number.isInteger(value) && value >= 0 && value <= 65535,
};

/**
 * Returns the number that an option has.
 *
 * @throws {UsageError} If the option's value is not a number of that kind.
 */
export function numberOption(
  options: Options,
  name: string,
  { kind, otherwise }: {
    readonly kind: keyof typeof NUMBER_KINDS;
    readonly otherwise: number;
  },
): number {
  const text = options.value(name);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== "" && NUMBER_KINDS[kind](value)) return value;
  throw new UsageError(`--${name} must be a ${kind}, got ${quotable(text)}`);
}

/** Returns an argument as an error may quote it: a misplaced URL may contain a password. */
export function quotable(text: string): string {
  return looksLikeUrl(text) ? "a URL" : text;
}

/** Returns whether an argument is a URL, or looks like a mistyped one. */
export function looksLikeUrl(text: string): boolean {
  return /^[\w+.-]*:?\/\/|^[^\s{["]*@/.test(text);
}

/** @throws {UsageError} If it is not a valid name of a channel. */
export function checkChannel(channel: string): void {
  if (looksLikeUrl(channel)) {
    throw new UsageError("got the URL of a layer instead of a channel name: use --layer");
  }
  try {
    checkChannelName(channel);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
