import { printable } from "../printable.ts";

/** The standard streams of the process, and the signals it receives. */
export interface Terminal {
  /** Writes a line to standard output. */
  readonly print: (line: string) => void;
  /** Writes a line to standard error. */
  readonly printError: (line: string) => void;
  /** Reads the lines of standard input. */
  readonly lines: () => AsyncIterable<string>;
  /** Aborted by the first signal: the command shuts down gracefully. */
  readonly stop: AbortSignal;
  /** Aborted by a second signal, more than a second later: the command exits immediately. */
  readonly kill: AbortSignal;
}

/** The exit codes of the program. */
export const ExitCode = { ok: 0, failed: 1, usage: 2 } as const;

/** One of the values of {@linkcode ExitCode}. */
export type ExitCode = typeof ExitCode[keyof typeof ExitCode];

/** Thrown if the user can fix the problem: only the message is shown, without a stack trace. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Thrown if the system prevents the command from running: only the message is shown. */
export class SystemError extends Error {
  override readonly name = "SystemError";
}

/** The maximum length of an escaped line, in characters. */
const LONGEST_LINE = 20_000;

/** Writes a text to a stream of the process as one line, with control characters escaped. */
export function writeText(stream: Parameters<typeof writeLine>[0], text: string): void {
  writeLine(stream, printable(text, LONGEST_LINE));
}

/** Writes a complete line to a stream of the process. */
export function writeLine(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length;) {
      written += stream.writeSync(bytes.subarray(written));
    }
  } catch {
    // The stream is closed: the command continues without it.
  }
}
