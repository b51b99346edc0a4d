import process from "node:process";
import { printable } from "../printable.ts";
import type { Drop } from "./channel_layer.ts";
import { nonLocalName } from "./names.ts";

/** How long a warning may be; what it is about may have come over the wire. */
const LONGEST = 2_000;

type Warn = (text: string) => void;

const onStandardError: Warn = (text) => process.emitWarning(text, "ChannelsWarning");

let current: Warn = onStandardError;

/** Says something that nobody can be told by an error. */
export function warn(text: string): void {
  current(printable(text, LONGEST));
}

/** How long a warning isn't repeated, in milliseconds. */
const SILENCE = 600_000;

/** When warnings that may come again were given, by their subjects. */
const lastGiven = new Map<string, number>();

/** Warns of something that may show again with each message: of each subject every ten minutes. */
export function warnSeldom(subject: string, text: string): void {
  const now = performance.now();
  if (now - (lastGiven.get(subject) ?? -Infinity) < SILENCE) return;
  lastGiven.set(subject, now);
  warn(text);
}

/**
 * Says where warnings of layers go that have no `onDrop` or `onHostChange` of their own: a program
 * with a log has them written there. Without it they are warnings of the process.
 *
 * @param to What takes a warning; `undefined` undoes it.
 */
export function redirectWarnings(to: ((text: string) => void) | undefined): void {
  current = to ?? onStandardError;
}

/** How many kinds of drops are told apart: names of channels come without end. */
const MOST_KINDS = 1_000;

/**
 * Creates the default `onDrop`: it warns of the first drop of its kind, and then whenever there have
 * been ten times as many, so that a flood stays a handful of lines. The process-local channels of one
 * prefix are one kind: they come and go.
 */
export function dropWarnings(): (drop: Drop) => void {
  const counts = new Map<string, number>();
  return ({ channel, reason }) => {
    const kind = kindOf(channel, reason);
    const count = (counts.get(kind) ?? 0) + 1;
    if (counts.size >= MOST_KINDS) counts.clear();
    counts.set(kind, count);
    if (!/^10*$/.test(`${count}`)) return;
    const what = count === 1 ? "Dropped a message" : `Dropped ${count} messages so far`;
    warn(`${what} for ${count === 1 ? channel : nonLocalName(channel)}: ${reason}`);
  };
}

/** Senders choose what is quoted, the numbers, and what stands behind a `!`. */
function kindOf(channel: string, reason: string): string {
  return `${nonLocalName(channel)}: ${reason.replaceAll(/".*"|\d+/g, "#")}`;
}
