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
