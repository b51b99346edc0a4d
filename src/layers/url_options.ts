import { readFileSync } from "node:fs";
import { LayerConfigurationError } from "../errors/mod.ts";

/** Parses the values of an option in a query. */
type OptionReader = (values: OptionValues) => object;

/** The values of one option in a query. */
interface OptionValues {
  readonly name: string;
  /** At least one value. The last one counts if the option takes one. */
  readonly texts: readonly string[];
  /** Quotes a value for an error, unless it may be part of a secret. */
  readonly quote: (text: string) => string;
}

/** The options that are valid in a query, with their parsers. */
export type KnownOptions = ReadonlyMap<string, OptionReader>;

/** The option whose values are secrets. */
const KEYS = "symmetricEncryptionKeys";

/** The options that are valid in the URL of every layer. */
export const URL_OPTIONS: KnownOptions = new Map([
  ["capacity", readNumber],
  ["expiry", readNumber],
  ["groupExpiry", readNumber],
  ["prefix", readText],
]);

/** The options that are valid in the URL of a `RedisChannelLayer`. */
export const REDIS_URL_OPTIONS: KnownOptions = new Map([
  ...URL_OPTIONS,
  ["ca", readPem],
  ["cert", readPem],
  ["key", readPem],
  ["serializer", readText],
  [KEYS, ({ name, texts }: OptionValues) => ({ [name]: texts })],
]);

/**
 * Parses the query of a layer's URL.
 *
 * @throws {TypeError} If an option is unknown, or its value is invalid.
 * @throws {LayerConfigurationError} If Deno lacks the permission to read a file.
 */
export function optionsIn(query: string, known: KnownOptions): object {
  if (/%(?![0-9a-f]{2})/i.test(query)) {
    throw new TypeError("Layer URL has an invalid percent-escape: encode % as %25");
  }
  const params = new URLSearchParams(query);
  // The part of a key after an unescaped & looks like an option.
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

/** Returns the error for an unknown part of a layer's URL. */
export function unknown(what: string, shown: string, known: readonly string[]): TypeError {
  return new TypeError(`Layer URL has an unknown ${what} ${shown}: known are ${known.join(", ")}`);
}

function readNumber({ name, texts, quote }: OptionValues): object {
  const text = texts.at(-1) ?? "";
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return { [name]: value };
  throw new TypeError(`Layer URL option ${name} must be a number, got ${quote(text)}`);
}

function readText({ name, texts }: OptionValues): object {
  return { [name]: texts.at(-1) };
}

/** @throws {TypeError} If the file does not exist, or cannot be read. */
function readPem({ name, texts, quote }: OptionValues): object {
  const path = texts.at(-1) ?? "";
  // The value may be the key itself instead of its path.
  const shown = name === "key" ? "" : `: ${quote(path)}`;
  try {
    return { [name]: readFileSync(path, "utf8") };
  } catch (error) {
    const { code, name: kind } = error as Error & { readonly code?: string };
    if (kind === "NotCapable") {
      const flag = name === "key" ? "--allow-read" : `--allow-read=${path}`;
      throw new LayerConfigurationError({
        layer: "of the URL",
        reason: `Deno lacks the permission to read its ${name} file: add ${flag}`,
      });
    }
    const problem = code === "ENOENT" ? "does not exist" : "cannot be read";
    throw new TypeError(`Layer URL option ${name} names a file that ${problem}${shown}`);
  }
}
