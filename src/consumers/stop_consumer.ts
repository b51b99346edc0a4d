/** Thrown by a handler to end its consumer without an error: the next event gets a new instance. */
export class StopConsumer extends Error {
  /** Survives minification. */
  override readonly name = "StopConsumer";

  /** Creates the error. */
  constructor() {
    super("The consumer has stopped");
  }
}
