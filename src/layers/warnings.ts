import process from "node:process";
import { printable } from "../printable.ts";
import type { Drop } from "./options.ts";
import { nonLocalName } from "./names.ts";

/** The maximum length of a warning: its subject may have come over the wire. */
const MAX_LENGTH = 2_000;

type Warn = (text: string) => void;

const onStandardError: Warn = (text) => process.emitWarning(text, "ChannelsWarning");

let current: Warn = onStandardError;

/** Warns of a problem that no error can report to a caller. */
export function warn(text: string): void {
  current(printable(text, MAX_LENGTH));
}

/** The minimum time between two warnings on one subject, in milliseconds. */
const MIN_INTERVAL = 600_000;

/** The times of the last warnings, by subject. */
const lastWarned = new Map<string, number>();

/** Warns at most every ten minutes on one subject, for problems that each message may repeat. */
export function warnSeldom(subject: string, text: string): void {
  const now = performance.now();
  if (now - (lastWarned.get(subject) ?? -Infinity) < MIN_INTERVAL) return;
  lastWarned.set(subject, now);
  warn(text);
}

/**
 * Redirects the warnings of layers without an `onDrop` or `onHostChange`, such as to a log. By default
 * the process emits them.
 *
 * @param to Called with each warning; `undefined` restores the default.
 */
export function redirectWarnings(to: ((text: string) => void) | undefined): void {
  current = to ?? onStandardError;
}

/** The maximum number of kinds of drops to count: there may be any number of channels. */
const MAX_KINDS = 1_000;

/**
 * Returns the default `onDrop`. It warns of the first drop of a kind, the tenth, the hundredth and so
 * on, so that a flood results in a few lines. Drops of process-local channels with the same prefix are of
 * one kind.
 */
export function dropWarnings(): (drop: Drop) => void {
  const counts = new Map<string, number>();
  return ({ channel, reason }) => {
    const kind = kindOf(channel, reason);
    const count = (counts.get(kind) ?? 0) + 1;
    if (counts.size >= MAX_KINDS) counts.clear();
    counts.set(kind, count);
    if (!/^10*$/.test(`${count}`)) return;
    const what = count === 1 ? "Dropped a message" : `Dropped ${count} messages so far`;
    warn(`${what} for ${count === 1 ? channel : nonLocalName(channel)}: ${reason}`);
  };
}

/** Ignores what senders choose: quotations, numbers, and what follows the `!`. */
function kindOf(channel: string, reason: string): string {
  return `${nonLocalName(channel)}: ${reason.replaceAll(/".*"|\d+/g, "#")}`;
}
