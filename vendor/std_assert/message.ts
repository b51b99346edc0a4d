/** How many equal lines are shown around the lines that differ. */
const CONTEXT = 3;

/** The end of a message: the caller's own words, or a full stop. */
export function ending(msg?: string): string {
  return msg ? `: ${msg}` : ".";
}

/** A value as text, whole, its keys in a fixed order. */
export function format(value: unknown): string {
  return Deno.inspect(value, {
    compact: false,
    depth: Infinity,
    getters: true,
    iterableLimit: Infinity,
    sorted: true,
    strAbbreviateSize: Infinity,
    trailingComma: true,
  });
}

/** The lines in which two values differ, with a few lines around them. */
export function difference(actual: unknown, expected: unknown): string {
  const [left, right] = linesOfBoth(actual, expected);
  const head = sharedHead(left, right);
  const tail = sharedHead(
    left.slice(head).reverse(),
    right.slice(head).reverse(),
  );
  return [
    "  (- actual, + expected)",
    ...marked("  ", left.slice(Math.max(0, head - CONTEXT), head)),
    ...marked("- ", left.slice(head, left.length - tail)),
    ...marked("+ ", right.slice(head, right.length - tail)),
    ...marked("  ", left.slice(left.length - tail).slice(0, CONTEXT)),
  ].join("\n");
}

/** Strings of several lines are compared as they are, all else as inspected. */
function linesOfBoth(actual: unknown, expected: unknown): [string[], string[]] {
  const verbatim = typeof actual === "string" && typeof expected === "string" &&
    (actual.includes("\n") || expected.includes("\n"));
  return verbatim
    ? [actual.split("\n"), expected.split("\n")]
    : [format(actual).split("\n"), format(expected).split("\n")];
}

function sharedHead(left: string[], right: string[]): number {
  const length = Math.min(left.length, right.length);
  let shared = 0;
  while (shared < length && left[shared] === right[shared]) shared++;
  return shared;
}

function marked(mark: string, lines: string[]): string[] {
  return lines.map((line) => mark + line);
}
