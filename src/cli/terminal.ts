import { printable } from "../printable.ts";

/** What a command sees of the process that runs it. */
export interface Terminal {
  /** Writes a line to standard output. */
  readonly print: (line: string) => void;
  /** Writes a line to standard error. */
  readonly complain: (line: string) => void;
  /** The lines of standard input. */
  readonly lines: () => AsyncIterable<string>;
  /** Aborted by the first signal: come to an end. */
  readonly stop: AbortSignal;
  /** Aborted by a second one, more than a second later: end immediately. */
  readonly kill: AbortSignal;
}

/** How a command ended. */
export const ExitCode = { ok: 0, failed: 1, usage: 2 } as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Something that the user can mend: its message is all that is shown. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** How long a line for people may be. */
const LONGEST_LINE = 20_000;

/** Writes a text to a stream of the process as one line, in which nothing acts on the terminal. */
export function writeText(stream: Parameters<typeof writeLine>[0], text: string): void {
  writeLine(stream, printable(text, LONGEST_LINE));
}

/** Writes a line to a stream of the process, as a whole. */
export function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch {
    // Nobody reads it any more: that is no reason to stop working.
  }
}
