import { printable, quoted } from "../printable.ts";

const VALID_NAME = /^[A-Za-z0-9\-_.]+$/;
const LONGEST_NAME = 99;
const RULE =
  "only ASCII letters, digits, hyphens, underscores and periods, fewer than 100 characters";

/**
 * Checks the name of a channel: ASCII letters, digits, `-`, `_` and `.`, fewer than 100 of them,
 * and one `!` within that of a process-local channel.
 *
 * @param name The name.
 * @throws {TypeError} That says the rule.
 */
export function checkChannelName(name: string): void {
  if (isValidChannelName(name)) return;
  throw new TypeError(
    `Channel name ${quote(name)} is not valid: ${RULE}, and one "!" in a process-local one`,
  );
}

/**
 * Whether a text may be the name of a channel.
 *
 * @param name Any value.
 * @returns Whether it may.
 */
export function isValidChannelName(name: unknown): name is string {
  if (typeof name !== "string" || name.length > LONGEST_NAME) return false;
  const bang = name.indexOf("!");
  if (bang === -1) return VALID_NAME.test(name);
  return VALID_NAME.test(name.slice(0, bang)) && VALID_NAME.test(name.slice(bang + 1));
}

/**
 * Checks the name of a group.
 *
 * @throws {TypeError} That says the rule.
 */
export function checkGroupName(name: string): void {
  if (typeof name === "string" && name.length <= LONGEST_NAME && VALID_NAME.test(name)) return;
  throw new TypeError(`Group name ${quote(name)} is not valid: ${RULE}`);
}

/**
 * Cuts a channel name after its `!`.
 *
 * @param name A channel name, such as `"specific.a1!b2"`.
 * @returns The part that every process can see, `!` included.
 */
export function nonLocalName(name: string): string {
  return name.slice(0, name.indexOf("!") + 1) || name;
}

/** Whether a channel belongs to one process. */
export function isProcessLocal(name: string): boolean {
  return name.includes("!");
}

/**
 * Marks the new name of a process-local channel as one that has an owner: the version of its UUID
 * becomes 8, so that a message to an owner that has ended is recognized by its channel's name.
 */
export function ownedName(name: string): string {
  return name.replace(/(!.{12})4/, "$18");
}

/** Whether a process-local channel has, or had, an owner that tells when it ends. */
export function isOwned(name: string): boolean {
  return name[name.indexOf("!") + 13] === "8";
}

function quote(name: unknown): string {
  return typeof name === "string" ? quoted(name) : printable(String(name), 200);
}
