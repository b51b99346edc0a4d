import type { LogEntry } from "../worker/mod.ts";
import type { Options } from "./options.ts";
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

/** How an entry becomes one line, by the name of the format. */
const FORMATS = new Map([["text", formatText], ["json", formatJson]]);

/**
 * Reads how the log is to be written.
 *
 * @throws {UsageError} When the format isn't known.
 */
export function readLogStyle(options: Options): LogStyle {
  const format = options.value("log-format") ?? "text";
  if (!FORMATS.has(format)) throw new UsageError(`--log-format must be text or json: ${format}`);
  if (options.has("quiet")) return { format, hidden: ["debug", "info"] };
  return { format, hidden: options.has("verbose") ? [] : ["debug"] };
}

/** Opens a log that writes its lines in this style. */
export function openLog({ format, hidden }: LogStyle, write: (line: string) => void): Log {
  const formatted = FORMATS.get(format) ?? formatText;
  return (entry) => {
    if (!hidden.includes(entry.level)) write(formatted(entry, new Date()));
  };
}

/** Line breaks in a stack become ` | `. */
function formatText(entry: CommandLogEntry, now: Date): string {
  const { level, message, channel, type, error, thread } = entry;
  const about = thread === undefined ? "" : `thread ${thread}: `;
  const details = [
    channel === undefined ? "" : ` channel=${channel}`,
    type === undefined ? "" : ` type=${JSON.stringify(type)}`,
    error === undefined ? "" : ` ${stackOf(error).replaceAll(/\s*\n\s*/g, " | ")}`,
  ];
  return `${now.toISOString()} ${level.padEnd(5)} ${about}${withoutBreaks(message)}${
    details.join("")
  }`;
}

function formatJson({ error, ...entry }: CommandLogEntry, now: Date): string {
  const thrown = error === undefined ? {} : { error: stackOf(error) };
  return JSON.stringify({ time: now.toISOString(), ...entry, ...thrown });
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return `thrown: ${Deno.inspect(error)}`;
  const stack = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}

function withoutBreaks(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
