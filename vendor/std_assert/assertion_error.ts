/** What every assertion throws when its claim does not hold. */
export class AssertionError extends Error {
  /**
   * @param message What was claimed, and what was found instead.
   * @param options The error's `cause`, if it has one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}
