/**
 * What a terminal or a log viewer acts on instead of showing it: control characters (C0, DEL, C1),
 * line and paragraph separators, marks that change the direction of writing, halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** How many characters of a text are quoted in a sentence. */
const LONGEST_QUOTE = 200;

/** How many names a list shows, and how many characters of them. */
const MOST_NAMES = 50;
const LONGEST_LIST = 1_000;

/**
 * Returns a text as one line that is safe to log and to show on a terminal: what isn't printable is
 * escaped, as in `\u001b`.
 *
 * @param text Any text, such as one that came over the wire.
 * @param limit How many characters are shown; the result says how many were left out.
 */
export function printable(text: string, limit: number): string {
  const kept = beginningOf(text, limit, escapeUnprintable);
  return escapeUnprintable(kept) + leftOut(text.length - kept.length);
}

/** Returns a text in quotation marks, escaped and shortened as by {@linkcode printable}. */
export function quoted(text: string): string {
  const kept = beginningOf(text, LONGEST_QUOTE, jsonOf);
  return jsonOf(kept) + leftOut(text.length - kept.length);
}

/** Returns names with commas between them; those that aren't plain are quoted. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES)
    .map((name) => /^[\w.$!/-]{1,100}$/.test(name) ? name : quoted(name));
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return printable(shown.join(", "), LONGEST_LIST) + more;
}

/** Returns the beginning of a text that takes at most `limit` characters in JSON. */
export function shortened(text: string, limit: number): string {
  const kept = beginningOf(text, limit, jsonOf);
  return kept + leftOut(text.length - kept.length);
}

/** Returns JSON in which all is printable; its texts have the same values. */
export function jsonOf(value: unknown): string {
  return escapeUnprintable(JSON.stringify(value));
}

function escapeUnprintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escape);
}

function escape(character: string): string {
  const short = SHORT.get(character);
  return short ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const SHORT = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"]]);

/** An escaped character takes more room than it had. */
function beginningOf(text: string, limit: number, escaped: (text: string) => string): string {
  let kept = text.slice(0, limit);
  for (let size = escaped(kept).length; size > limit + 2; size = escaped(kept).length) {
    kept = kept.slice(0, Math.floor(kept.length * limit / size));
  }
  return kept;
}

function leftOut(count: number): string {
  return count > 0 ? `... (${count} more characters)` : "";
}
