import { jsonOf, printable, quoted, shortened } from "../printable.ts";
import type { LogEntry } from "../worker/mod.ts";
import { type Options, quotable } from "./options.ts";
import { UsageError } from "./terminal.ts";

/** An entry of the log, which may come from one of several threads. */
export interface CommandLogEntry extends LogEntry {
  /** The number of the thread, from 1. */
  readonly thread?: number;
  /** The method of the request that the entry is about; `"WebSocket"` for a WebSocket. */
  readonly method?: string;
  /** The path of the request or WebSocket that the entry is about. */
  readonly path?: string;
  /** The status of the response. */
  readonly status?: number;
  /** How long the response took to start, in milliseconds. */
  readonly duration?: number;
}

/** Logs an entry. */
export type Log = (entry: CommandLogEntry) => void;

/** The style of the log: it is passed to threads. */
export interface LogStyle {
  readonly format: string;
  /** The levels that are not written. */
  readonly hidden: readonly string[];
}

/** A log that is flushed at the end of a `using` block. */
export interface OpenLog extends Disposable {
  /** Logs an entry. */
  readonly log: Log;
  /** Writes the counts of repeated entries. */
  readonly flush: () => void;
}

/** The formats of a line, by name. */
const FORMATS = new Map([["text", formatText], ["json", formatJson]]);

/**
 * Returns the style of the log from the options.
 *
 * @throws {UsageError} If the format is unknown, or the log cannot be both quiet and verbose.
 */
export function readLogStyle(options: Options): LogStyle {
  if (options.has("quiet") && options.has("verbose")) {
    throw new UsageError("--quiet and --verbose cannot be combined");
  }
  const format = options.value("log-format") ?? "text";
  if (!FORMATS.has(format)) {
    throw new UsageError(`--log-format must be text or json, got ${quotable(format)}`);
  }
  if (options.has("quiet")) return { format, hidden: ["debug", "info"] };
  return { format, hidden: options.has("verbose") ? [] : ["debug"] };
}

/** Opens a log that writes its lines in a style. */
export function openLog(style: LogStyle, write: (line: string) => void): OpenLog {
  const format = FORMATS.get(style.format) ?? formatText;
  const folded = new FoldedLog((entry, more) => write(format(entry, more, new Date())));
  return {
    log: (entry) => style.hidden.includes(entry.level) || folded.add(entry),
    flush: () => folded.flush(),
    [Symbol.dispose]: () => folded.flush(),
  };
}

/** The maximum lengths of the parts of an entry: an entry has at most about 16,000 characters. */
const LONGEST = { message: 4_000, name: 200, thrown: 2_000, stack: 3_000 };

/** The maximum number of causes of an error. */
const MOST_CAUSES = 2;

/** Line breaks in a stack become ` | `. */
function formatText(entry: CommandLogEntry, more: number, now: Date): string {
  const { level, message, channel, type, thread, method, path, status, duration } = entry;
  const about = thread === undefined ? "" : `thread ${thread}: `;
  const details = [
    more === 0 ? "" : ` (${more} more)`,
    channel === undefined ? "" : ` channel=${printable(channel, LONGEST.name)}`,
    type === undefined ? "" : ` type=${quoted(type)}`,
    method === undefined ? "" : ` method=${printable(method, LONGEST.name)}`,
    path === undefined ? "" : ` path=${quoted(path)}`,
    status === undefined ? "" : ` status=${status}`,
    duration === undefined ? "" : ` duration=${duration}ms`,
    "error" in entry ? ` ${thrownBy(entry).map(inOneLine).join(" | caused by ")}` : "",
  ];
  const text = `${about}${printable(joinLines(message, " "), LONGEST.message)}${details.join("")}`;
  return `${now.toISOString()} ${level.padEnd(5)} ${text}`;
}

function formatJson(entry: CommandLogEntry, more: number, now: Date): string {
  const { message, channel, type, method, path } = entry;
  return jsonOf({
    time: now.toISOString(),
    ...entry,
    message: shortened(message, LONGEST.message),
    ...channel !== undefined && { channel: shortened(channel, LONGEST.name) },
    ...type !== undefined && { type: shortened(type, LONGEST.name) },
    ...method !== undefined && { method: shortened(method, LONGEST.name) },
    ...path !== undefined && { path: shortened(path, LONGEST.name) },
    ...more > 0 && { more },
    // The thrown value may be `undefined`.
    ..."error" in entry && { error: thrownBy(entry).map(inLines).join("\ncaused by ") },
  });
}

/** A thrown value: its name and message, and its stack. */
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

/** Describes a thrown value and its causes: any values, even objects that throw when inspected. */
function thrownBy({ error }: LogEntry): Thrown[] {
  const all: Thrown[] = [];
  try {
    for (let next = error; all.length <= MOST_CAUSES; next = (next as Error).cause) {
      all.push(next instanceof Error ? described(next) : { what: inspected(next), stack: "" });
      if (!(next instanceof Error) || next.cause === undefined) break;
    }
  } catch {
    all.push({ what: "thrown: a value that cannot be inspected", stack: "" });
  }
  return all;
}

/** A stack starts with the message, which may be long and must not displace the frames. */
function described({ name, message, stack }: Error): Thrown {
  if (typeof stack !== "string") return { what: `${name}: ${message}`, stack: "" };
  const end = Math.max(0, stack.indexOf(message)) + message.length;
  return { what: stack.slice(0, end), stack: stack.slice(end) };
}

function inspected(thrown: unknown): string {
  const text = typeof thrown === "string" ? thrown.slice(0, LONGEST.thrown) : thrown;
  return `thrown: ${Deno.inspect(text, { strAbbreviateSize: LONGEST.thrown })}`;
}

/** In linear time for any text. */
function joinLines(text: string, separator: string): string {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join(separator);
}

/** How often the numbers of repeated entries are written, in milliseconds. */
const WINDOW = 10_000;

/** The maximum number of kinds of entries: the types of events are unbounded input. */
const MOST_KINDS = 200;

/** How many characters of a text determine its kind. */
const LONGEST_NAME = 500;

/** Writes an entry; `more` is the number of similar entries omitted since the last one. */
export type Write = (entry: LogEntry, more: number) => void;

/** Similar entries. */
interface Kind {
  /** How many were omitted. */
  more: number;
  /** The newest one. */
  newest: LogEntry;
}

/**
 * Folds repeated entries: the first entry of a kind is written immediately, similar entries are
 * counted, and every 10 seconds, and at the end, one line has their number.
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

  /** Writes or counts an entry. Debug entries are never folded. */
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

  /** Writes all counts, and forgets the kinds. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const kind of this.#kinds.values()) this.#writeCount(kind);
    this.#kinds.clear();
  }

  /** Flushes the log, and clears its timer. */
  [Symbol.dispose](): void {
    this.flush();
  }

  /** If there are too many kinds, only the beginning of the message determines the kind. */
  #nameOf(entry: LogEntry): string {
    const { level, message } = entry;
    const name = withoutNumbers(`${level} ${message.slice(0, LONGEST_NAME)} ${details(entry)}`);
    const isKnown = this.#kinds.size < MOST_KINDS || this.#kinds.has(name);
    return isKnown ? name : withoutNumbers(`${level} ${message.split(":")[0]}`);
  }

  /** Forgets the kinds without entries in the last window: their next entry is written again. */
  #endWindow(): void {
    for (const [name, kind] of this.#kinds) {
      if (kind.more === 0) this.#kinds.delete(name);
      else this.#writeCount(kind);
    }
    this.#timer = this.#kinds.size > 0 ? this.#startTimer() : undefined;
  }

  /** The timer does not keep the process alive. */
  #startTimer(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#endWindow(), this.#window);
    Deno.unrefTimer(timer);
    return timer;
  }

  #writeCount(kind: Kind): void {
    if (kind.more > 0) this.#write(kind.newest, kind.more);
    kind.more = 0;
  }
}

/** Texts that differ only in numbers are of one kind. */
function withoutNumbers(text: string): string {
  return text.slice(0, LONGEST_NAME)
    .replaceAll(/[\da-f-]+/gi, (part) => /\d/.test(part) ? "#" : part);
}

/** The other texts that determine the kind. Not the stack: formatting it is expensive. */
function details({ channel = "", type = "", error }: LogEntry): string {
  const about = `${channel} ${type.slice(0, LONGEST_NAME)}`;
  try {
    if (error instanceof Error) return `${about} ${error.name} ${error.message}`;
    return `${about} ${typeof error === "object" ? "object" : String(error)}`;
  } catch {
    // It throws when it is inspected.
    return about;
  }
}
