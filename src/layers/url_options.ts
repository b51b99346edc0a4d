import { readFileSync } from "node:fs";
import { LayerConfigurationError } from "../errors.ts";

/** Reads an option from the values that a query has for it. */
type OptionReader = (values: OptionValues) => object;

/** What a query says of one option. */
interface OptionValues {
  readonly name: string;
  /** At least one; the last one counts, where there can be only one. */
  readonly texts: readonly string[];
  /** Quotes one of them for an error, unless it may be a part of a secret. */
  readonly quote: (text: string) => string;
}

/** The options that a URL may have in its query, each with its reader. */
export type KnownOptions = ReadonlyMap<string, OptionReader>;

/** The option whose values are secrets. */
const KEYS = "symmetricEncryptionKeys";

/** What the URL of any layer may have in its query. */
export const URL_OPTIONS: KnownOptions = new Map([
  ["capacity", readNumber],
  ["expiry", readNumber],
  ["groupExpiry", readNumber],
  ["prefix", readText],
]);

/** What the URL of a Redis may have in its query. */
export const REDIS_URL_OPTIONS: KnownOptions = new Map([
  ...URL_OPTIONS,
  ["ca", readPem],
  ["cert", readPem],
  ["key", readPem],
  ["serializer", readText],
  [KEYS, ({ name, texts }: OptionValues) => ({ [name]: texts })],
]);

/**
 * Reads the options in the query of a layer's URL.
 *
 * @throws {TypeError} If an option is not known, or its value is invalid.
 * @throws {LayerConfigurationError} If a file that it names may not be read.
 */
export function optionsIn(query: string, known: KnownOptions): object {
  if (/%(?![0-9a-f]{2})/i.test(query)) {
    throw new TypeError("Layer URL has an invalid percent-escape: encode % as %25");
  }
  const params = new URLSearchParams(query);
  // What follows an & that belongs to a key looks like an option.
  const mayHoldSecret = params.has(KEYS);
  const quote = (text: string) => mayHoldSecret ? "(not shown)" : JSON.stringify(text);
  const options = {};
  for (const name of new Set(params.keys())) {
    const read = known.get(name);
    if (!read) throw unknown("option", quote(name), [...known.keys()]);
    Object.assign(options, read({ name, texts: params.getAll(name), quote }));
  }
  return options;
}

/** What is thrown at a part of a layer's URL that isn't known. */
export function unknown(what: string, shown: string, known: readonly string[]): TypeError {
  return new TypeError(`Layer URL has an unknown ${what} ${shown}: known are ${known.join(", ")}`);
}

function readNumber({ name, texts, quote }: OptionValues): object {
  const text = texts.at(-1) ?? "";
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return { [name]: value };
  throw new TypeError(`Layer URL needs a number as ${name}: ${quote(text)}`);
}

function readText({ name, texts }: OptionValues): object {
  return { [name]: texts.at(-1) };
}

/** @throws {TypeError} If there is no such file. */
function readPem({ name, texts, quote }: OptionValues): object {
  const path = texts.at(-1) ?? "";
  // In the place of the path of a key may be the key.
  const shown = name === "key" ? "" : `: ${quote(path)}`;
  try {
    return { [name]: readFileSync(path, "utf8") };
  } catch (error) {
    const { code, name: kind } = error as Error & { readonly code?: string };
    if (kind === "NotCapable") {
      const flag = name === "key" ? "--allow-read" : `--allow-read=${path}`;
      throw new LayerConfigurationError({
        layer: "of the URL",
        reason: `its ${name} may not be read: add ${flag}`,
      });
    }
    const problem = code === "ENOENT" ? "doesn't exist" : "can't be read";
    throw new TypeError(`Layer URL names a file that ${problem} as ${name}${shown}`);
  }
}
