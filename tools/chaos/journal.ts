/**
 * What processes write down, one line for each event, before they go on: a process that is killed
 * has written what it has done. Each has a file of its own.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Outcome, SentEvent } from "./sheet.ts";

const OUTCOMES: readonly Outcome[] = ["sent", "refused", "undone", "uncertain"];

/** A file that grows by a line at a time. */
export class Journal {
  readonly #file: Deno.FsFile;
  readonly #encoder = new TextEncoder();

  constructor(path: string) {
    this.#file = Deno.openSync(path, { create: true, append: true });
  }

  /** Writes a line; when it returns, the line is safe from the end of this process. */
  write(...words: readonly (string | number)[]): void {
    this.#file.writeSync(this.#encoder.encode(`${words.join(" ")}\n`));
  }
}

/** The journal of a sender: before each event what is sent, after it what came of it. */
export class SendersJournal {
  readonly #journal: Journal;

  constructor(path: string) {
    this.#journal = new Journal(path);
  }

  begin(id: string): void {
    this.#journal.write("begin", id, Date.now());
  }

  end(id: string, outcome: Outcome): void {
    this.#journal.write(outcome, id, Date.now());
  }
}

/** What a sender has written; where the end of the line is missing, it was killed there. */
export function readSent(path: string): SentEvent[] {
  const begun = new Map<string, number>();
  const ended = new Map<string, SentEvent>();
  for (const [what, id = "", time] of linesOf(path)) {
    const at = begun.get(id);
    if (what === "begin") begun.set(id, Number(time));
    else if (at !== undefined) {
      ended.set(id, { id, at, until: Number(time), outcome: asOutcome(what) });
    }
  }
  return Array.from(
    begun,
    ([id, at]) => ended.get(id) ?? { id, at, until: at, outcome: "uncertain" },
  );
}

/** The ids that a worker has written, once for each time. */
export function readHandled(path: string): string[] {
  return linesOf(path).map(([, id = ""]) => id);
}

function asOutcome(word: string | undefined): Outcome {
  const outcome = OUTCOMES.find((known) => known === word);
  if (outcome) return outcome;
  throw new Error(`Not an outcome: ${word}`);
}

function linesOf(path: string): string[][] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => line.split(" "));
}
