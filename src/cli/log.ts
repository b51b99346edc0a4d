import type { LogEntry } from "../worker/mod.ts";
import { FoldedLog } from "./folded_log.ts";
import { type Options, quotable } from "./options.ts";
import { UsageError } from "./terminal.ts";

/** A line of the log, which may be about one of several threads. */
export interface CommandLogEntry extends LogEntry {
  /** The number of the thread, from 1. */
  readonly thread?: number;
}

/** Takes what is to be logged. */
export type Log = (entry: CommandLogEntry) => void;

/** How the log is written; threads are told so. */
export interface LogStyle {
  readonly format: string;
  /** The levels that aren't shown. */
  readonly hidden: readonly string[];
}

/** A log that is written to its end at the end of a `using` block. */
export interface OpenLog extends Disposable {
  /** Takes what is to be logged. */
  readonly log: Log;
  /** Writes what is only counted so far. */
  readonly flush: () => void;
}

/** How an entry becomes one line, by the name of the format. */
const FORMATS = new Map([["text", formatText], ["json", formatJson]]);

/**
 * Reads how the log is to be written.
 *
 * @throws {UsageError} When the format isn't known.
 */
export function readLogStyle(options: Options): LogStyle {
  const format = options.value("log-format") ?? "text";
  if (!FORMATS.has(format)) {
    throw new UsageError(`--log-format must be text or json: ${quotable(format)}`);
  }
  if (options.has("quiet")) return { format, hidden: ["debug", "info"] };
  return { format, hidden: options.has("verbose") ? [] : ["debug"] };
}

/** Opens a log that writes its lines in this style. */
export function openLog(style: LogStyle, write: (line: string) => void): OpenLog {
  const format = FORMATS.get(style.format) ?? formatText;
  const folded = new FoldedLog((entry, more) => write(format(entry, more, new Date())));
  return {
    log: (entry) => style.hidden.includes(entry.level) || folded.add(entry),
    flush: () => folded.flush(),
    [Symbol.dispose]: () => folded.flush(),
  };
}

/** Line breaks in a stack become ` | `. */
function formatText(entry: CommandLogEntry, more: number, now: Date): string {
  const { level, message, channel, type, thread } = entry;
  const about = thread === undefined ? "" : `thread ${thread}: `;
  const details = [
    more === 0 ? "" : ` (${more} more)`,
    channel === undefined ? "" : ` channel=${channel}`,
    type === undefined ? "" : ` type=${JSON.stringify(type)}`,
    "error" in entry ? ` ${stackOf(entry.error).replaceAll(/\s*\n\s*/g, " | ")}` : "",
  ];
  const text = `${about}${withoutBreaks(message)}${details.join("")}`;
  return `${now.toISOString()} ${level.padEnd(5)} ${text}`;
}

function formatJson(entry: CommandLogEntry, more: number, now: Date): string {
  const repeated = more === 0 ? {} : { more };
  // What was thrown may be undefined.
  const thrown = "error" in entry ? { error: stackOf(entry.error) } : {};
  return JSON.stringify({ time: now.toISOString(), ...entry, ...repeated, ...thrown });
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${Deno.inspect(error)}`;
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}

function withoutBreaks(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
