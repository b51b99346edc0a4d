/**
 * The characters that a terminal or log viewer interprets instead of showing them: control characters
 * (C0, DEL, C1), line and paragraph separators, bidirectional controls and lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** The maximum length of a quotation, in characters. */
const MAX_QUOTE = 200;

/** The maximum number of names in a list, and of their characters. */
const MAX_NAMES = 50;
const MAX_LIST = 1_000;

/**
 * Returns a text as one line that is safe to log and to show on a terminal. Unprintable characters are
 * escaped, as in `\u001b`.
 *
 * @param text Any text, including untrusted ones.
 * @param limit The maximum number of characters to show. The result says how many were left out.
 */
export function printable(text: string, limit: number): string {
  const kept = beginningOf(text, limit, escapeUnprintable);
  return escapeUnprintable(kept) + leftOut(text.length - kept.length);
}

/** Returns a text in quotation marks, escaped and shortened as by {@linkcode printable}. */
export function quoted(text: string): string {
  const kept = beginningOf(text, MAX_QUOTE, jsonOf);
  return jsonOf(kept) + leftOut(text.length - kept.length);
}

/** Returns names, separated by commas. Names with special characters are quoted. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES)
    .map((name) => /^[\w.$!/-]{1,100}$/.test(name) ? name : quoted(name));
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return printable(shown.join(", "), MAX_LIST) + more;
}

/** Returns the beginning of a text whose JSON has at most `limit` characters. */
export function shortened(text: string, limit: number): string {
  const kept = beginningOf(text, limit, jsonOf);
  return kept + leftOut(text.length - kept.length);
}

/** Returns the JSON of a value, with unprintable characters escaped. */
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

/** Returns the beginning of a text whose escaped form fits the limit. */
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
