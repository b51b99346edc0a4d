import type { Message } from "../protocol/mod.ts";
import { printable } from "../printable.ts";
import { looksLikeUrl } from "./options.ts";
import { UsageError } from "./terminal.ts";

/**
 * Reads an event that was written as JSON; integers that a number can't hold become a `bigint`.
 *
 * @param text The JSON.
 * @param where Where it stands, for the error.
 * @throws {UsageError} When it is no event.
 */
export function parseEvent(text: string, where: string): Message {
  if (looksLikeUrl(text)) {
    throw new UsageError(`there is a URL of a layer in the place of ${where}: use --layer`);
  }
  const value = parseJson(text, where);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${where} must be an object, such as {"type":"generate","id":1}: ${shown(text)}`,
    );
  }
  if (typeof (value as Partial<Message>).type === "string") return value as Message;
  throw new UsageError(`${where} needs a "type" that is a string: ${shown(text)}`);
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text, keepIntegers);
  } catch (error) {
    throw new UsageError(`${where} is no JSON (${(error as Error).message}): ${shown(text)}`);
  }
}

function shown(text: string): string {
  return printable(text, 500);
}

/** The third argument, the source of a primitive value, is newer than TypeScript's library. */
function keepIntegers(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  const source = context?.source ?? "";
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(source) ? BigInt(source) : value;
}
