/** The base class of this library's errors: conditions that a caller may want to catch. */
export abstract class ChannelsError extends Error {
  /**
   * Creates an error.
   *
   * @param name The name of the class, which minification would change.
   * @param message What is wrong, where, and what to do.
   * @param facts The fields of the error, and its `cause`.
   */
  constructor(name: string, message: string, facts: object = {}) {
    const { cause, ...fields } = facts as ErrorOptions;
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, fields, { name });
  }
}
