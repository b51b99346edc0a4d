import type { Buffer } from "node:buffer";
import type { Reply } from "./client/client.ts";
import { countOf, listOf, textsOf } from "./replies.ts";

/** What was taken of a key. */
export interface Found {
  readonly key: string;
  /** Each member is followed by its score; `undefined` when the key holds something else. */
  readonly members: readonly Buffer[] | undefined;
}

/**
 * Reads what the script `TAKE` has found.
 *
 * @throws {StrangeReplyError} When it is something else.
 */
export function readFound(reply: Reply | undefined, keys: readonly string[]): Found[] {
  return listOf(reply).map((item) => {
    const [place, members] = listOf(item);
    const key = keys[countOf(place) - 1] ?? "";
    return { key, members: Array.isArray(members) ? textsOf(members) : undefined };
  });
}
