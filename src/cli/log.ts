import type { LogEntry } from "../worker/mod.ts";
import { FoldedLog } from "./folded_log.ts";
import type { Options } from "./options.ts";
import { type Terminal, UsageError } from "./terminal.ts";

/** Takes what is to be logged. */
export type Log = (entry: LogEntry) => void;

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
 * Opens the log on standard error, as the options of the command say.
 *
 * @throws {UsageError} When the format isn't known.
 */
export function openLog(options: Options, terminal: Terminal): OpenLog {
  const name = options.value("log-format") ?? "text";
  const format = FORMATS.get(name);
  if (!format) throw new UsageError(`--log-format must be text or json: ${name}`);
  const hidden = new Set<string>();
  if (!options.has("verbose")) hidden.add("debug");
  if (options.has("quiet")) hidden.add("debug").add("info");
  const folded = new FoldedLog((entry, more) => terminal.complain(format(entry, more, new Date())));
  return {
    log: (entry) => hidden.has(entry.level) || folded.add(entry),
    flush: () => folded.flush(),
    [Symbol.dispose]: () => folded.flush(),
  };
}

/** Line breaks in a stack become ` | `. */
function formatText(entry: LogEntry, more: number, now: Date): string {
  const { level, message, channel, type } = entry;
  const details = [
    more === 0 ? "" : ` (${more} more)`,
    channel === undefined ? "" : ` channel=${channel}`,
    type === undefined ? "" : ` type=${JSON.stringify(type)}`,
    "error" in entry ? ` ${stackOf(entry.error).replaceAll(/\s*\n\s*/g, " | ")}` : "",
  ];
  return `${now.toISOString()} ${level.padEnd(5)} ${withoutBreaks(message)}${details.join("")}`;
}

function formatJson(entry: LogEntry, more: number, now: Date): string {
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
