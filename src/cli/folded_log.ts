import type { LogEntry } from "../worker/mod.ts";

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
