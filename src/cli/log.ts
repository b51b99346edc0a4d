import { jsonOf, printable, quoted, shortened } from "../printable.ts";
import type { LogEntry } from "../worker/mod.ts";
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

/** How long entries that are alike are counted before their number is written, in milliseconds. */
const WINDOW = 10_000;

/** How many kinds of entries are told apart; types of events come from outside, without end. */
const MOST_KINDS = 200;

/** How much of a text tells its kind. */
const LONGEST_NAME = 500;

/** Writes an entry; `more` says how many like it were left out since the last one was written. */
export type Write = (entry: LogEntry, more: number) => void;

/** Entries that are alike. */
interface Kind {
  /** How many were left out. */
  more: number;
  /** The newest of them. */
  newest: LogEntry;
}

/**
 * Keeps a log readable where one thing happens a thousand times: the first entry of its kind is
 * written at once, and those like it are counted. Every 10 seconds, and at the end, one line tells
 * their number.
 */
export class FoldedLog implements Disposable {
  readonly #write: Write;
  readonly #window: number;
  readonly #kinds = new Map<string, Kind>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(write: Write, window: number = WINDOW) {
    this.#write = write;
    this.#window = window;
  }

  /** Takes an entry. Who asks for details sees each of them. */
  add(entry: LogEntry): void {
    if (entry.level === "debug") return this.#write(entry, 0);
    const name = this.#nameOf(entry);
    const kind = this.#kinds.get(name);
    if (kind) {
      kind.more++;
      kind.newest = entry;
      return;
    }
    this.#kinds.set(name, { more: 0, newest: entry });
    this.#write(entry, 0);
    this.#timer ??= this.#startTimer();
  }

  /** Writes what was counted; afterwards each kind is new again. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const kind of this.#kinds.values()) this.#tell(kind);
    this.#kinds.clear();
  }

  /** Leaves no timer behind. */
  [Symbol.dispose](): void {
    this.flush();
  }

  /** Where there are too many kinds, only the beginning of the message tells them apart. */
  #nameOf(entry: LogEntry): string {
    const { level, message } = entry;
    const name = alike(`${level} ${message.slice(0, LONGEST_NAME)} ${details(entry)}`);
    const isKnown = this.#kinds.size < MOST_KINDS || this.#kinds.has(name);
    return isKnown ? name : alike(`${level} ${message.split(":")[0]}`);
  }

  /** What was quiet in the last window is forgotten: when it comes again, it is news. */
  #turn(): void {
    for (const [name, kind] of this.#kinds) {
      if (kind.more === 0) this.#kinds.delete(name);
      else this.#tell(kind);
    }
    this.#timer = this.#kinds.size > 0 ? this.#startTimer() : undefined;
  }

  /** A log keeps no process alive. */
  #startTimer(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#turn(), this.#window);
    Deno.unrefTimer(timer);
    return timer;
  }

  #tell(kind: Kind): void {
    if (kind.more > 0) this.#write(kind.newest, kind.more);
    kind.more = 0;
  }
}

/** Texts that differ in a number only are of one kind. */
function alike(text: string): string {
  return text.slice(0, LONGEST_NAME)
    .replaceAll(/[\da-f-]+/gi, (part) => /\d/.test(part) ? "#" : part);
}

/** Whom it is about and what was thrown; a stack takes long to write, and nobody may read it. */
function details({ channel = "", type = "", error }: LogEntry): string {
  const about = `${channel} ${type.slice(0, LONGEST_NAME)}`;
  try {
    if (error instanceof Error) return `${about} ${error.name} ${error.message}`;
    return `${about} ${typeof error === "object" ? "object" : String(error)}`;
  } catch {
    // It throws when it is read.
    return about;
  }
}
