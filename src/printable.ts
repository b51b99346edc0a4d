/**
 * What a terminal or a log viewer acts on instead of showing it: control characters (C0, DEL, C1),
 * line and paragraph separators, marks that change the direction of writing, halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Returns a text as one line that is safe to log and to show on a terminal: what isn't printable is
 * escaped, as in `\u001b`.
 *
 * @param text Any text, such as one that came over the wire.
 * @param limit How many characters of it are kept; the result says how many were cut off.
 */
export function printable(text: string, limit: number): string {
  const kept = text.length > limit ? text.slice(0, limit) : text;
  return escapeUnprintable(kept) + cutOff(text.length - kept.length);
}

/** How many characters of a text that is named in a sentence are kept. */
const LONGEST_QUOTE = 200;

/** Returns a text in quotation marks, escaped and cut off as by {@linkcode printable}. */
export function quoted(text: string): string {
  const kept = text.slice(0, LONGEST_QUOTE);
  return escapeUnprintable(JSON.stringify(kept)) + cutOff(text.length - kept.length);
}

/** Returns names in quotation marks where they need them, with commas between. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) =>
    /^[\w.-]+$/.test(name) ? name : quoted(name)
  );
  const more = names.length - shown.length;
  return printable(shown.join(", "), 1_000) + (more > 0 ? ` and ${more} more` : "");
}

/** How many names a list shows. */
const MOST_NAMES = 50;

/** Escapes what isn't printable; in a JSON text, where it stands in strings only, the values stay the same. */
export function escapeUnprintable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escape);
}

function escape(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function cutOff(count: number): string {
  return count > 0 ? `... (${count} more characters)` : "";
}
