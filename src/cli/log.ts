import { jsonOf, printable, quoted, shortened } from "../printable.ts";
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

/** How many characters of the parts of an entry are written: together, about 16,000 at most. */
const LONGEST = { message: 4_000, name: 200, thrown: 2_000, stack: 3_000 };

/** How many causes of an error are written. */
const MOST_CAUSES = 2;

/** Line breaks in a stack become ` | `. */
function formatText(entry: CommandLogEntry, more: number, now: Date): string {
  const { level, message, channel, type, thread } = entry;
  const about = thread === undefined ? "" : `thread ${thread}: `;
  const details = [
    more === 0 ? "" : ` (${more} more)`,
    channel === undefined ? "" : ` channel=${printable(channel, LONGEST.name)}`,
    type === undefined ? "" : ` type=${quoted(type)}`,
    "error" in entry ? ` ${thrownBy(entry).map(inOneLine).join(" | caused by ")}` : "",
  ];
  const text = `${about}${printable(joinLines(message, " "), LONGEST.message)}${details.join("")}`;
  return `${now.toISOString()} ${level.padEnd(5)} ${text}`;
}

function formatJson(entry: CommandLogEntry, more: number, now: Date): string {
  const { message, channel, type } = entry;
  return jsonOf({
    time: now.toISOString(),
    ...entry,
    message: shortened(message, LONGEST.message),
    ...channel !== undefined && { channel: shortened(channel, LONGEST.name) },
    ...type !== undefined && { type: shortened(type, LONGEST.name) },
    ...more > 0 && { more },
    // What was thrown may be undefined.
    ..."error" in entry && { error: thrownBy(entry).map(inLines).join("\ncaused by ") },
  });
}

/** What was thrown, in words, and where. */
interface Thrown {
  readonly what: string;
  readonly stack: string;
}

function inOneLine({ what, stack }: Thrown): string {
  const frames = joinLines(stack, " | ");
  return printable(joinLines(what, " | "), LONGEST.thrown) +
    (frames === "" ? "" : ` | ${printable(frames, LONGEST.stack)}`);
}

function inLines({ what, stack }: Thrown): string {
  return shortened(what, LONGEST.thrown) + shortened(stack, LONGEST.stack);
}

/** What was thrown and its causes; it may be anything, even something that throws when it is read. */
function thrownBy({ error }: LogEntry): Thrown[] {
  const all: Thrown[] = [];
  try {
    for (let next = error; all.length <= MOST_CAUSES; next = (next as Error).cause) {
      all.push(next instanceof Error ? described(next) : { what: inspected(next), stack: "" });
      if (!(next instanceof Error) || next.cause === undefined) break;
    }
  } catch {
    all.push({ what: "thrown: something that cannot be read", stack: "" });
  }
  return all;
}

/** A stack begins with the message, which may be long, and must not push out the rest. */
function described({ name, message, stack }: Error): Thrown {
  if (typeof stack !== "string") return { what: `${name}: ${message}`, stack: "" };
  const end = Math.max(0, stack.indexOf(message)) + message.length;
  return { what: stack.slice(0, end), stack: stack.slice(end) };
}

function inspected(thrown: unknown): string {
  const text = typeof thrown === "string" ? thrown.slice(0, LONGEST.thrown) : thrown;
  return `thrown: ${Deno.inspect(text, { strAbbreviateSize: LONGEST.thrown })}`;
}

/** In linear time, whatever the text is. */
function joinLines(text: string, separator: string): string {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join(separator);
}
