import type { LogEntry } from "../worker/mod.ts";
import type { Options } from "./options.ts";
import { type Terminal, UsageError } from "./terminal.ts";

/** Takes what is to be logged. */
export type Log = (entry: LogEntry) => void;

/** How an entry becomes one line, by the name of the format. */
const FORMATS = new Map([["text", formatText], ["json", formatJson]]);

/**
 * Opens the log on standard error, as the options of the command say.
 *
 * @throws {UsageError} When the format isn't known.
 */
export function openLog(options: Options, terminal: Terminal): Log {
  const name = options.value("log-format") ?? "text";
  const format = FORMATS.get(name);
  if (!format) throw new UsageError(`--log-format must be text or json: ${name}`);
  const hidden = new Set<string>();
  if (!options.has("verbose")) hidden.add("debug");
  if (options.has("quiet")) hidden.add("debug").add("info");
  return (entry) => {
    if (!hidden.has(entry.level)) terminal.complain(format(entry, new Date()));
  };
}

/** Line breaks in a stack become ` | `. */
function formatText({ level, message, channel, type, error }: LogEntry, now: Date): string {
  const details = [
    channel === undefined ? "" : ` channel=${channel}`,
    type === undefined ? "" : ` type=${JSON.stringify(type)}`,
    error === undefined ? "" : ` ${stackOf(error).replaceAll(/\s*\n\s*/g, " | ")}`,
  ];
  return `${now.toISOString()} ${level.padEnd(5)} ${withoutBreaks(message)}${details.join("")}`;
}

function formatJson({ error, ...entry }: LogEntry, now: Date): string {
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
