import fc from "fast-check";
import { format } from "node:util";

/** A password, and the words in it, which occur in no other text. */
export interface Secret {
  readonly words: readonly string[];
  readonly text: string;
}

/** Separators of the words: characters with a meaning in a URL, and escaped ones. */
const SEPARATORS = [..."%/?@#: &=+\"'\\é!,;|[]", "%zz", "\t", "//", "@@"];

const word = fc.array(fc.constantFrom(..."GHJKQVWXZ"), { minLength: 6, maxLength: 9 })
  .map((letters) => letters.join(""));

/** Passwords with all characters that are special in a URL. */
export const secrets: fc.Arbitrary<Secret> = fc.record({
  words: fc.array(word, { minLength: 1, maxLength: 3 }),
  separators: fc.array(fc.constantFrom(...SEPARATORS), { minLength: 4, maxLength: 4 }),
  ends: fc.tuple(fc.boolean(), fc.boolean()),
}).map(({ words, separators, ends: [starts, stops] }) => {
  const inner = words.map((part, at) => at === 0 ? part : separators[at] + part).join("");
  return { words, text: (starts ? separators[0] : "") + inner + (stops ? separators[3] : "") };
});

/** Returns everything that can be printed of a value, with hidden properties and causes. */
export function printed(value: unknown): string {
  const texts = [Deno.inspect(value, { depth: 12, showHidden: true, getters: true })];
  texts.push(format("%o", value), String(value));
  for (
    let part = value, depth = 0;
    part instanceof Error && depth < 20;
    part = part.cause, depth++
  ) {
    texts.push(
      part.message,
      `${part.stack}`,
      JSON.stringify(part, Object.getOwnPropertyNames(part)),
    );
  }
  return texts.join("\n");
}

/** Returns the words of a secret that occur in a text. */
export function leaks({ words }: Secret, text: string): string[] {
  return words.filter((part) => text.includes(part));
}
