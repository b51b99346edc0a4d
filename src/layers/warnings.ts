import process from "node:process";
import { printable } from "../printable.ts";

/** How long a warning may be; what it is about may have come over the wire. */
const LONGEST = 2_000;

type Warn = (text: string) => void;

const onStandardError: Warn = (text) => process.emitWarning(text, "ChannelsWarning");

let current: Warn = onStandardError;

/** Says something that nobody can be told by an error. */
export function warn(text: string): void {
  current(printable(text, LONGEST));
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
