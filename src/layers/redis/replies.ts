import { Buffer } from "node:buffer";
import type { Reply } from "./client/client.ts";

/** An answer that isn't one to what was asked: whoever gave it may mix up the next ones, too. */
export class StrangeReplyError extends Error {
  override readonly name = "StrangeReplyError";

  constructor() {
    super("what came is no answer to what was asked");
  }
}

/** An answer that is a list; `null` is an empty one. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (reply === null) return [];
  if (Array.isArray(reply)) return reply;
  throw new StrangeReplyError();
}

/** An answer that is a list of texts. */
export function textsOf(reply: Reply | undefined): readonly Buffer[] {
  const list = listOf(reply);
  if (list.every((item) => item instanceof Buffer)) return list as readonly Buffer[];
  throw new StrangeReplyError();
}

/** An answer that is a number. */
export function countOf(reply: Reply | undefined): number {
  if (Number.isSafeInteger(reply) && Number(reply) >= 0) return Number(reply);
  throw new StrangeReplyError();
}
