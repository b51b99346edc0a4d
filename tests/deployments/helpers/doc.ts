const DOC = new URL("../../../docs/redis.md", import.meta.url);

/** The text of `docs/redis.md`. */
export const doc: string = Deno.readTextFileSync(DOC);

/**
 * The code blocks of the documentation.
 *
 * @param language What they are in, such as `"sh"`.
 */
export function docBlocks(language: string): string[] {
  const blocks = doc.matchAll(/^```(\S+)[^\n]*\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, name, text = ""]) => name === language ? [text.trimEnd()] : []);
}

/** The line of a code block of the documentation that starts with a text. */
export function docLine(start: string): string {
  const lines = doc.split("\n").filter((line) => line.startsWith(start));
  if (lines.length !== 1) throw new Error(`docs/redis.md has ${lines.length} lines of ${start}`);
  return lines[0]!;
}

/** Returns the cells of the documentation's table with a first heading, row by row. */
export function docTable(heading: string): string[][] {
  const lines = doc.split("\n");
  const at = lines.findIndex((line) => cellsOf(line)[0] === heading);
  if (at === -1) throw new Error(`docs/redis.md has no table of ${heading}`);
  const end = lines.findIndex((line, index) => index > at && !line.startsWith("|"));
  return lines.slice(at + 2, end).map(cellsOf);
}

/** What is set as code in a text. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim());
}
