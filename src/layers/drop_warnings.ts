import type { Drop } from "./channel_layer.ts";
import { nonLocalName } from "./names.ts";
import { warn } from "./warnings.ts";

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
