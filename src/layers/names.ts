import type { LocalChannel } from "../protocol/mod.ts";
import { printable, quoted } from "../printable.ts";

const VALID_NAME = /^[A-Za-z0-9\-_.]+$/;
const MAX_LENGTH = 99;
const RULE =
  "only ASCII letters, digits, hyphens, underscores and periods, fewer than 100 characters";

/**
 * Checks the name of a channel: ASCII letters, digits, `-`, `_` and `.`, fewer than 100 characters, and
 * one `!` inside the name of a process-local channel.
 *
 * @throws {TypeError} If the name is invalid; the message states the rule.
 */
export function checkChannelName(name: string): void {
  if (isValidChannelName(name)) return;
  throw new TypeError(
    `Channel name ${quote(name)} is not valid: ${RULE}, and one "!" in a process-local one`,
  );
}

/** Returns whether a value is the valid name of a channel. */
export function isValidChannelName(name: unknown): name is string {
  if (typeof name !== "string" || name.length > MAX_LENGTH) return false;
  const bang = name.indexOf("!");
  if (bang === -1) return VALID_NAME.test(name);
  return VALID_NAME.test(name.slice(0, bang)) && VALID_NAME.test(name.slice(bang + 1));
}

/**
 * Checks the name of a group.
 *
 * @throws {TypeError} If the name is invalid; the message states the rule.
 */
export function checkGroupName(name: string): void {
  if (typeof name === "string" && name.length <= MAX_LENGTH && VALID_NAME.test(name)) return;
  throw new TypeError(`Group name ${quote(name)} is not valid: ${RULE}`);
}

/**
 * Returns the part of a channel's name that is its key in the store: up to and including its `!`.
 *
 * @param name The name of a channel, such as `"specific.a1!b2"`.
 * @returns The key, such as `"specific.a1!"`; the whole name of a channel that is not process-local.
 */
export function nonLocalName(name: string): string {
  return name.slice(0, name.indexOf("!") + 1) || name;
}

/** Returns whether a channel is process-local. */
export function isProcessLocal(name: string): boolean {
  return name.includes("!");
}

/**
 * Returns a new name of a process-local channel, marked as one with an owner: the version of its UUID
 * becomes 8. Messages to an owner that has ended can thus be recognized by the name.
 */
export function ownedName(name: LocalChannel): LocalChannel {
  return name.replace(/(!.{12})4/, "$18") as LocalChannel;
}

/** Returns whether a process-local channel has or had an owner. */
export function isOwned(name: string): boolean {
  return name[name.indexOf("!") + 13] === "8";
}

function quote(name: unknown): string {
  return typeof name === "string" ? quoted(name) : printable(String(name), 200);
}
