import { isBoolean } from "./names.ts";
import type { Run } from "./run.ts";

/**
 * Reads an argument that starts with `-`.
 *
 * @returns whether the next argument was its value
 */
export function readFlag(run: Run, arg: string, next?: string): boolean {
  return arg.startsWith("--") ? readLong(run, arg, next) : readShort(run, arg, next);
}

function readLong(run: Run, arg: string, next?: string): boolean {
  const { names } = run;
  const { key, value, negated } = splitLong(arg);
  if (value !== undefined) {
    run.take(key, names.booleans.has(key) ? value !== "false" : value, arg);
    return false;
  }
  if (negated && names.negatable.has(key)) {
    run.take(key, false, arg, false);
    return false;
  }
  const name = negated ? `no-${key}` : key;
  const free = !names.allBooleans && !next?.startsWith("-");
  return readValue(run, name, arg, { next, free });
}

/** Splits `--key`, `--key=value` and `--no-key`. */
function splitLong(arg: string) {
  const negated = arg.startsWith("--no-") && arg.length > 5;
  const text = arg.slice(negated ? 5 : 2);
  const sign = text.indexOf("=", 1);
  return sign === -1
    ? { key: text, value: undefined, negated }
    : { key: text.slice(0, sign), value: text.slice(sign + 1), negated };
}

/** All letters of a cluster are options; the last one may have a value. */
function readShort(run: Run, arg: string, next?: string): boolean {
  const last = arg.length - 1;
  for (let at = 1; at < last; at++) {
    const key = arg.charAt(at);
    const value = attachedValue(key, arg.slice(at + 1));
    if (value === undefined) run.takeBare(key, arg);
    else {
      run.take(key, value, arg);
      return false;
    }
  }
  const free = !/^--?[^-]/.test(next ?? "");
  return readValue(run, arg.charAt(last), arg, { next, free });
}

/** The value in the rest of a cluster: `-c4`, `-c=4`, `-c-`, `-c/x`. */
function attachedValue(key: string, rest: string): string | undefined {
  if (rest === "-") return rest;
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(key)) {
    const value = /=(.+)/.exec(rest)?.[1];
    if (value !== undefined) return value;
    if (/\d\.?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

/** Gives the option the next argument, if that is free and it wants one. */
function readValue(
  run: Run,
  key: string,
  arg: string,
  { next, free }: { next: string | undefined; free: boolean },
): boolean {
  if (next && free && !isBoolean(run.names, key)) {
    run.take(key, next, arg);
    return true;
  }
  if (next === "true" || next === "false") {
    run.take(key, next === "true", arg);
    return true;
  }
  run.takeBare(key, arg);
  return false;
}
